"""The plan of regional maps: which are compared with one another and with gene expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from rt1t2_dask import assets
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.local_files import local_file
from rt1t2_dask.pipelines.engine.task import InputFile, Task
from rt1t2_dask.pipelines.morphometry.compute import CENTROIDS, DESIKAN, MAP, is_image
from rt1t2_dask.pipelines.morphometry.inputs import as_tables, named_file
from rt1t2_dask.pipelines.morphometry.stages import MAP_CORRELATIONS
from rt1t2_dask.pipelines.transcriptome import simulated
from rt1t2_dask.pipelines.transcriptome.compute import (
    EXPRESSION,
    LEAST_REGIONS,
    SET,
    SETS,
)
from rt1t2_dask.pipelines.transcriptome.stages import EXPRESSION_STAGE, TRANSCRIPTOME
from rt1t2_dask.storage.parts import Part

EVERY = "everyCohort"
SETTING = "transcriptome.gene_sets"


def _drawn(files: Mapping[str, InputFile]) -> tuple[str, ...]:
    """Name the atlas that images among the maps are averaged over."""
    maps = [f for role, f in files.items() if role.startswith(MAP)]
    return (DESIKAN,) if any(is_image(file.path) for file in maps) else ()


def _own_maps(config: Config) -> dict[str, InputFile]:
    return {
        f"{MAP}{name}": named_file(config, path, f"similarity.maps.{name}")
        for name, path in config.similarity.maps.items()
    }


def _places(config: Config) -> dict[str, InputFile]:
    centroids = as_tables(config).centroids
    return {CENTROIDS: named_file(config, centroids, "source.centroids")} if centroids else {}


def _spins(config: Config) -> dict[str, object]:
    rules = config.transcriptome
    return {"n": rules.n_spins, "seed": rules.seed, "method": rules.spins}


def plan_correlations(
    config: Config, maps: Mapping[str, Part], means: Mapping[str, Part]
) -> Task | None:
    """Plan the correlations of every two maps; None where there are no two, or no spins.

    Parameters
    ----------
    maps : mapping of str to Part
        Of contrasts.
    means : mapping of str to Part
        Of cohorts together: compared with the user's maps, not with what they are the mean of.
    """
    files = _own_maps(config) | _places(config)
    brought = list(config.similarity.maps)
    taken = [name for name in brought if name in maps or name in means]
    if taken:
        raise UserError(
            f"similarity.maps.{taken[0]}: a map of this study has that name; choose another."
        )
    pairs = list(combinations(maps, 2)) + [(own, b) for own in (*maps, *means) for b in brought]
    pairs += combinations(brought, 2)
    if not pairs or not config.transcriptome.n_spins:
        return None
    read = {name for pair in pairs for name in pair}
    parts = {name: part for name, part in {**maps, **means}.items() if name in read}
    settings = {"pairs": pairs, "maps": list(parts), "least": LEAST_REGIONS, **_spins(config)}
    return MAP_CORRELATIONS.task(settings, {"map": tuple(parts.values())}, files, _drawn(files))


def plan_transcriptome(
    config: Config, maps: Mapping[str, Part], cohorts: Sequence[str]
) -> tuple[Task | None, dict[str, Task], list[str]]:
    """Plan the tests of every map, and of several cohorts' maps as columns of one.

    Parameters
    ----------
    maps : mapping of str to Part
        Parts that hold a t map; the user's own are added.
    cohorts : sequence of str
        Maps that are tested together; none where there are no independent cohorts.

    Returns
    -------
    expression : Task or None
        None where there is nothing to test against.
    tests : dict of str to Task
    notes : list of str
    """
    rules = config.transcriptome
    if not rules.n_spins:
        return None, {}, ["No gene expression: transcriptome.n_spins=0, and no p without spins."]
    expression = _expression(config)
    if expression is None:
        return None, {}, [no_expression()]
    sets, names = _gene_sets(config)
    files = _own_maps(config) | _places(config) | sets
    wanted = {name: [name] for name in (*maps, *config.similarity.maps)}
    if cohorts and rules.rank_by == "pls1":
        wanted[EVERY] = list(cohorts)
    settings = {
        "n_spins": rules.n_spins, "spins": rules.spins, "n_bootstraps": rules.n_bootstraps,
        "components": rules.components, "rank_by": rules.rank_by, "seed": rules.seed,
    }  # fmt: skip
    tasks = {}
    for name, columns in wanted.items():
        parts = {c: maps[c] for c in columns if c in maps}
        own = {r: f for r, f in files.items() if not r.startswith(MAP) or r[len(MAP) :] in columns}
        tasks[name] = TRANSCRIPTOME.task(
            settings | {"names": columns, "maps": list(parts)},
            {"map": tuple(parts.values()), "expression": expression.part},
            own,
            (*names, *_drawn(own)),
        )
    return expression, tasks, [simulated.note()] if rules.simulated else []


def no_expression() -> str:
    """Return a note on the table that gene expression needs."""
    return (
        "No gene expression: bring a table of regions x genes with transcriptome.expression=FILE, "
        "or put ahba_dk83_expression.csv.gz (Allen Human Brain Atlas over Desikan-Killiany, as in "
        "imaging-transcriptomics 1.1.8, or your own by abagen) into a folder named in RT1T2_ASSETS."
    )


def _expression(config: Config) -> Task | None:
    given = config.transcriptome.expression
    if config.transcriptome.simulated:
        table = named_file(config, simulated.TABLE, "transcriptome.expression")
        return EXPRESSION_STAGE.task({}, {}, {EXPRESSION: table})
    if given is not None:
        return EXPRESSION_STAGE.task(
            {}, {}, {EXPRESSION: local_file(given, "transcriptome.expression")}
        )
    if assets.find(EXPRESSION) is None:
        return None
    return EXPRESSION_STAGE.task({}, {}, {}, (EXPRESSION,))


def _gene_sets(config: Config) -> tuple[dict[str, InputFile], tuple[str, ...]]:
    given = config.transcriptome.gene_sets
    if config.transcriptome.simulated:
        own = {f"{SET}{path}": named_file(config, path, SETTING) for path in simulated.SETS}
        return own, ()
    if given is None:
        return {}, tuple(name for name in SETS if assets.find(name) is not None)
    files = [local_file(path, SETTING) for path in given]
    return {f"{SET}{file.path}": file for file in files}, ()
