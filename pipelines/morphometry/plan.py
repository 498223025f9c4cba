"""The plan of a study of regional tables: which parts, from what, by which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from rt1t2_dask.config.contrasts import Form
from rt1t2_dask.config.study import ADJUSTED, Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.across import shared_people
from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.contrasts.group_design import build
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.morphometry.compute import DESIKAN, IMAGE, SIMILARITY
from rt1t2_dask.pipelines.morphometry.inputs import (
    as_tables,
    find_tables,
)
from rt1t2_dask.pipelines.morphometry.stages import (
    ACROSS_COHORTS,
    FEATURES,
    NETWORKS,
    REGION_CONTRAST,
)
from rt1t2_dask.pipelines.transcriptome.plan import plan_correlations
from rt1t2_dask.stats.design import Design
from rt1t2_dask.storage.parts import Part

BLOCK = 64
ACROSS = "acrossCohorts"
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
    """What follows from people's features, parents before children.

    Parameters
    ----------
    features : Part
        Everybody's features.
    blocks : tuple of Task
        Similarity networks; none where the networks have no features.
    contrasts : tuple of RegionContrast
    across : mapping of str to Task
        Cohorts taken together, by measure.
    correlations : Task or None
        Of every two maps.
    together : tuple of str
        Maps of the cohorts that are taken together.
    notes : tuple of str
        What is not done, and why.
    """

    features: Part
    blocks: tuple[Task, ...] = ()
    contrasts: tuple[RegionContrast, ...] = ()
    across: Mapping[str, Task] = field(default_factory=dict)
    correlations: Task | None = None
    together: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tasks(self) -> list[Task]:
        """Return all tasks in order."""
        fitted = [contrast.task for contrast in self.contrasts]
        correlations = [self.correlations] if self.correlations else []
        return [*self.blocks, *fitted, *self.across.values(), *correlations]

    @property
    def maps(self) -> dict[str, Part]:
        """Return the part of every t map, by its name."""
        return {c.map_name: c.task.part for c in self.contrasts if c.design.q == 1}

    @property
    def means(self) -> dict[str, Part]:
        """Return the part of every map of cohorts together, by its name."""
        return {across_name(measure): task.part for measure, task in self.across.items()}


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
        "features": list(config.similarity.features),
        "also": list(config.similarity.also),
        "layout": as_tables(config).layout,
        "outlier": config.similarity.outlier,
        "outliers": config.similarity.outliers,
    }
    files = find_tables(config, labels)
    drawn = any(role.startswith(IMAGE) for role in files)
    return FEATURES.task(settings, {}, files, (DESIKAN,) if drawn else ())


def plan_similarity(config: Config, used: pd.DataFrame, features: Part) -> MorphometryPlan:
    """Plan everything that follows from the features of some people.

    Parameters
    ----------
    used : DataFrame
        Who is used; the index counts in the people of the part.
    features : Part

    Raises
    ------
    UserError
        A contrast cannot be estimated, or a file is not there.
    """
    rows, read = used.index.tolist(), {"features": features}
    profile = list(config.similarity.features)
    blocks = tuple(
        NETWORKS.task({"profile": profile, "rows": rows[k : k + BLOCK]}, read)
        for k in range(0, len(rows) if profile else 0, BLOCK)
    )
    contrasts, notes = _contrasts(config, used.reset_index(drop=True), rows, read, blocks)
    across, more = _across(config, contrasts)
    together = [c.map_name for c in combined(config, contrasts)] if across else []
    planned = MorphometryPlan(features, blocks, contrasts, across, None, tuple(together))
    correlations = plan_correlations(config, planned.maps, planned.means)
    return replace(planned, correlations=correlations, notes=(*notes, *more))


def across_name(measure: str) -> str:
    """Return the name of the map of cohorts together."""
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
    parents: Parents = {**read, "block": tuple(task.part for task in blocks)}
    found = []
    for name, form in config.every_contrast().items():
        design = build(form, used, config.cohort.reference)
        for measure in config.similarity.measures:
            own: Parents = parents if measure == SIMILARITY else read
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
    """Choose the contrasts of the first measure that are taken together as cohorts.

    Raises
    ------
    UserError
        ``similarity.across`` names a contrast that there is not, or one without a t.
    """
    first = config.similarity.measures[0]
    own = {c.name: c for c in contrasts if c.measure == first and c.design.q == 1}
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
        tasks[measure] = ACROSS_COHORTS.task({}, {"contrast": tuple(parts[n] for n in names)})
    return tasks, []


def _everybody(design: Design) -> list[int]:
    partners = [] if design.partner is None else design.partner.tolist()
    return [*design.rows.tolist(), *partners]
