"""Analysis `similarity`: networks, contrasts of regions, cohorts together, maps compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.contrasts.group_design import words
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.morphometry.compute import ACROSS, CORRELATIONS, EFFECTS
from rt1t2_dask.pipelines.morphometry.plan import MorphometryPlan, plan_similarity
from rt1t2_dask.report.morphometry.content import RegionResult
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

FEATURES = "features"


@dataclass(frozen=True)
class Similarity(Analysis):
    """What follows from people's features over regions."""

    planned: MorphometryPlan
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self:
        """Plan networks and contrasts of the people at hand."""
        found = plan_similarity(group.config, group.rows, group.shared[FEATURES])
        return cls(found, found.notes)

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return self.planned.tasks()

    def results(self, study: Finished) -> Results:
        """Return networks and the tables of contrasts, cohorts and correlations."""
        lake, plan = study.lake, self.planned
        regions = lake.record(plan.features)["regions"]
        labels = study.analysed["participant_id"].tolist()
        groups = study.analysed["group"].to_numpy()
        regional, whole, networks = _similarity(lake, plan, len(labels), len(regions))
        everybody = {"participant_id": labels, "group": groups, "global_similarity": whole}
        order = list(study.config.cohort.groups) if plan.blocks else []
        correlations = plan.correlations
        return Results(
            content={
                "similarity": _by_person(labels, regional, regions),
                "global_similarity": pd.DataFrame(everybody),
                "networks": {g: _mean(networks[groups == g]) for g in order},
                "contrasts": _contrasts(lake, plan),
                "across": {m: table_of(lake, t.part, ACROSS) for m, t in plan.across.items()},
                "correlations": None
                if correlations is None
                else table_of(lake, correlations.part, CORRELATIONS),
            }
        )


def _contrasts(lake: Lake, plan: MorphometryPlan) -> list[RegionResult]:
    return [
        RegionResult(
            c.map_name, c.name, c.measure, words(c.form).title, words(c.form).positive,
            table_of(lake, c.task.part, EFFECTS), "t" if c.design.q == 1 else "F", c.design.n,
        )
        for c in plan.contrasts
    ]  # fmt: skip


def _similarity(
    lake: Lake, plan: MorphometryPlan, people: int, regions: int
) -> tuple[Any, Any, Any]:
    """Read regional and global similarity and the networks; NaN where there are no networks."""
    if not plan.blocks:
        shapes = (people, regions), (people,), (people, regions, regions)
        return tuple(np.full(shape, np.nan) for shape in shapes)  # type: ignore[return-value]
    blocks = [lake.read(task.part).load() for task in plan.blocks]
    names = ("regional_similarity", "global_similarity", "similarity")
    found = [np.concatenate([b[name].to_numpy() for b in blocks]) for name in names]
    return found[0], found[1], found[2]


def _by_person(labels: Sequence[str], values: Any, regions: Sequence[str]) -> pd.DataFrame:
    rows = pd.DataFrame(values, columns=list(regions))
    rows.insert(0, "participant_id", list(labels))
    return rows


def _mean(networks: Any) -> Any:
    known = np.isfinite(networks)
    total, count = np.where(known, networks, 0.0).sum(axis=0), known.sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
