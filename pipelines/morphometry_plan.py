"""The plan of a study of regional tables: which parts, from what, by which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.config import ADJUSTED, Config, MorphometrySource
from rt1t2_dask.config_contrasts import Form
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.across import shared_people
from rt1t2_dask.pipelines.design_settings import as_settings
from rt1t2_dask.pipelines.group_design import build
from rt1t2_dask.pipelines.local_files import local_file
from rt1t2_dask.pipelines.morphometry import (
    ACROSS_COHORTS,
    CENTROIDS,
    FEATURES,
    MAP,
    MAP_CORRELATIONS,
    NETWORKS,
    REGION_CONTRAST,
    SIMILARITY,
    block_role,
)
from rt1t2_dask.pipelines.morphometry_inputs import (
    as_tables,
    find_tables,
    named_file,
    wanted_features,
)
from rt1t2_dask.pipelines.stage import InputFile, Task
from rt1t2_dask.pipelines.transcriptome import (
    EXPRESSION,
    EXPRESSION_STAGE,
    LEAST_REGIONS,
    SET,
    SETS,
    TRANSCRIPTOME,
)
from rt1t2_dask.stats.design import Design
from rt1t2_dask.storage.parts import Part

BLOCK = 64
ACROSS, EVERY = "acrossCohorts", "everyCohort"
LEAST_COHORTS = 2


@dataclass(frozen=True)
class RegionContrast:
    """One contrast of one measure, with the part that holds it."""

    name: str
    measure: str
    form: Form
    design: Design
    task: Task

    @property
    def map_name(self) -> str:
        """What its t map is called: the contrast, with the measure if that is not similarity."""
        return self.name if self.measure == SIMILARITY else self.name + self.measure.capitalize()


@dataclass(frozen=True)
class MorphometryPlan:
    """Every part of a study of regional tables, parents before children."""

    features: Task
    blocks: tuple[Task, ...] = ()
    contrasts: tuple[RegionContrast, ...] = ()
    across: Mapping[str, Task] = field(default_factory=dict)
    correlations: Task | None = None
    expression: Task | None = None
    transcriptome: Mapping[str, Task] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def tasks(self) -> list[Task]:
        """Give all tasks in order."""
        single = [self.correlations, self.expression]
        return [
            self.features,
            *self.blocks,
            *(contrast.task for contrast in self.contrasts),
            *self.across.values(),
            *(task for task in single if task is not None),
            *self.transcriptome.values(),
        ]


def plan_features(config: Config, people: pd.DataFrame) -> Task:
    """Plan the part that reads the tables.

    Raises
    ------
    UserError
        A table is not there.
    """
    labels = people["participant_id"].tolist()
    settings = {
        "people": labels,
        "features": wanted_features(config),
        "layout": as_tables(config).layout,
        "outlier": config.similarity.outlier,
        "outliers": config.similarity.outliers,
    }
    return FEATURES.task(settings, {}, find_tables(config, labels))


def plan_study(
    config: Config, people: pd.DataFrame, features: Task, rows: Sequence[int]
) -> MorphometryPlan:
    """Plan everything that follows from the features of some people.

    Parameters
    ----------
    people : DataFrame
        Everybody, in the order of the part.
    features : Task
    rows : sequence of int
        Who is used, places in ``people``.

    Raises
    ------
    UserError
        A contrast cannot be estimated, or a file is not there.
    """
    used = people.iloc[list(rows)].reset_index(drop=True)
    read = {"features": features.part}
    profile = list(config.similarity.features)
    blocks = tuple(
        NETWORKS.task({"profile": profile, "rows": list(rows[k : k + BLOCK])}, read)
        for k in range(0, len(rows), BLOCK)
    )
    contrasts, notes = _contrasts(config, used, list(rows), read, blocks)
    across, more = _across(config, contrasts)
    maps = {c.map_name: c.task.part for c in contrasts if c.design.q == 1}
    maps |= {_across_name(measure): task.part for measure, task in across.items()}
    correlations = _correlations(config, maps)
    expression, transcriptome, left = _transcriptome(config, contrasts, across, maps)
    return MorphometryPlan(
        features, blocks, contrasts, across, correlations, expression, transcriptome,
        (*notes, *more, *left),
    )  # fmt: skip


def _across_name(measure: str) -> str:
    return ACROSS if measure == SIMILARITY else ACROSS + measure.capitalize()


def _contrasts(
    config: Config,
    used: pd.DataFrame,
    rows: list[int],
    read: Mapping[str, Part],
    blocks: Sequence[Task],
) -> tuple[tuple[RegionContrast, ...], list[str]]:
    if config.contrast.variance == "spm_unequal":
        raise UserError(
            "contrast.variance=spm_unequal pools variances over an image; for regional tables "
            "choose equal or welch."
        )
    parents = dict(read) | {block_role(k): task.part for k, task in enumerate(blocks)}
    found = []
    for name, form in config.every_contrast().items():
        design = build(form, used, config.cohort.reference)
        for measure in (SIMILARITY, *config.similarity.also):
            own = parents if measure == SIMILARITY else read
            task = REGION_CONTRAST.task(_contrast_settings(config, design, measure, rows), own)
            found.append(RegionContrast(name, measure, form, design, task))
    notes = [] if found else ["No contrast: the cohort file names none (cohort.contrasts)."]
    return tuple(found), notes


def _contrast_settings(
    config: Config, design: Design, measure: str, rows: list[int]
) -> dict[str, object]:
    return {
        "design": as_settings(design),
        "members": design.rows.tolist(),
        "partners": [] if design.partner is None else design.partner.tolist(),
        "rows": [] if measure == SIMILARITY else rows,
        "measure": measure,
        "variance": config.contrast.variance,
        "min_group_n": config.contrast.min_group_n,
        "min_group_share": config.contrast.min_group_share,
        "n": config.permute.n,
        "seed": config.permute.seed,
        "method": config.permute.method,
    }


def combined(config: Config, contrasts: Sequence[RegionContrast]) -> list[RegionContrast]:
    """Choose the contrasts of similarity that are taken together as cohorts.

    Raises
    ------
    UserError
        ``similarity.across`` names a contrast that there is not, or one without a t.
    """
    own = {c.name: c for c in contrasts if c.measure == SIMILARITY and c.design.q == 1}
    chosen = config.similarity.across
    if chosen == "all":
        return [c for name, c in own.items() if not name.endswith(ADJUSTED)]
    unknown = [name for name in chosen if name not in own]
    if unknown:
        raise UserError(
            f"similarity.across names {unknown[0]}, which is no contrast with a t; there are "
            f"{', '.join(own)}."
        )
    return [own[name] for name in chosen]


def _across(
    config: Config, contrasts: Sequence[RegionContrast]
) -> tuple[dict[str, Task], list[str]]:
    cohorts = combined(config, contrasts)
    if len(cohorts) < LEAST_COHORTS:
        return {}, []
    shared = shared_people([_everybody(c.design) for c in cohorts])
    if shared:
        return {}, [
            f"The contrasts share {shared} people, so they are no independent cohorts: they are "
            "not taken together. Name contrasts that share nobody in similarity.across."
        ]
    names = [c.name for c in cohorts]
    tasks = {}
    for measure in dict.fromkeys(c.measure for c in contrasts):
        parts = {c.name: c.task.part for c in contrasts if c.measure == measure}
        tasks[measure] = ACROSS_COHORTS.task({"names": names}, {n: parts[n] for n in names})
    return tasks, []


def _everybody(design: Design) -> list[int]:
    partners = [] if design.partner is None else design.partner.tolist()
    return [*design.rows.tolist(), *partners]


def _own_maps(config: Config) -> dict[str, InputFile]:
    return {
        f"{MAP}{name}": named_file(config, path, f"similarity.maps.{name}")
        for name, path in config.similarity.maps.items()
    }


def _places(config: Config) -> dict[str, InputFile]:
    source = config.source
    if isinstance(source, MorphometrySource) and source.centroids:
        return {CENTROIDS: named_file(config, source.centroids, "source.centroids")}
    return {}


def _spins(config: Config) -> dict[str, object]:
    rules = config.transcriptome
    return {"n": rules.n_spins, "seed": rules.seed, "method": rules.spins}


def _correlations(config: Config, maps: Mapping[str, Part]) -> Task | None:
    files = _own_maps(config)
    names = [*maps, *config.similarity.maps]
    if len(names) < LEAST_COHORTS or not config.transcriptome.n_spins:
        return None
    settings = {"names": names, "least": LEAST_REGIONS, **_spins(config)}
    parents = {f"{MAP}{name}": part for name, part in maps.items()}
    return MAP_CORRELATIONS.task(settings, parents, files | _places(config))


def _transcriptome(
    config: Config,
    contrasts: Sequence[RegionContrast],
    across: Mapping[str, Task],
    maps: Mapping[str, Part],
) -> tuple[Task | None, dict[str, Task], list[str]]:
    rules = config.transcriptome
    if not rules.n_spins:
        return None, {}, ["No gene expression: transcriptome.n_spins=0, and no p without spins."]
    expression = _expression(config)
    if expression is None:
        return None, {}, [no_expression()]
    sets, names = _gene_sets(config)
    files = _own_maps(config) | _places(config) | sets
    wanted = {name: [name] for name in (*maps, *config.similarity.maps)}
    cohorts = [c.map_name for c in combined(config, contrasts)]
    if across and rules.rank_by == "pls1":
        wanted[EVERY] = cohorts
    settings = {
        "n_spins": rules.n_spins, "spins": rules.spins, "n_bootstraps": rules.n_bootstraps,
        "components": rules.components, "rank_by": rules.rank_by, "seed": rules.seed,
    }  # fmt: skip
    tasks = {}
    for name, columns in wanted.items():
        parents = {f"{MAP}{c}": maps[c] for c in columns if c in maps}
        own = {r: f for r, f in files.items() if not r.startswith(MAP) or r[len(MAP) :] in columns}
        tasks[name] = TRANSCRIPTOME.task(
            settings | {"names": columns}, parents | {"expression": expression.part}, own, names
        )
    return expression, tasks, []


def no_expression() -> str:
    """Say what to bring for the stage of gene expression."""
    return (
        "No gene expression: bring a table of regions x genes with transcriptome.expression=FILE, "
        "or put ahba_dk83_expression.csv.gz (Allen Human Brain Atlas over Desikan-Killiany, as in "
        "imaging-transcriptomics 1.1.8, or your own by abagen) into a folder named in RT1T2_ASSETS."
    )


def _expression(config: Config) -> Task | None:
    given = config.transcriptome.expression
    if given is not None:
        return EXPRESSION_STAGE.task(
            {}, {}, {EXPRESSION: local_file(given, "transcriptome.expression")}
        )
    if assets.find(EXPRESSION) is None:
        return None
    return EXPRESSION_STAGE.task({}, {}, {}, (EXPRESSION,))


def _gene_sets(config: Config) -> tuple[dict[str, InputFile], tuple[str, ...]]:
    given = config.transcriptome.gene_sets
    if given is None:
        return {}, tuple(name for name in SETS if assets.find(name) is not None)
    files = [local_file(path, "transcriptome.gene_sets") for path in given]
    return {f"{SET}{file.path}": file for file in files}, ()
