"""Analysis `absence`: what each contrast of means can exclude, region by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from rt1t2_dask.config.steps import Absence as Asked
from rt1t2_dask.pipelines.absence.regions import TABLE
from rt1t2_dask.pipelines.absence.stages import ABSENCE
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.regional import RegionSettings
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.report.sections.absence import Bounds, absence_section
from rt1t2_dask.stats.glm.effect_sizes import effect_size_of

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

OF_PERMUTATION = ("seed", "method", "n")


@dataclass(frozen=True)
class Absence(Analysis):
    """Equivalence tests and Bayes factors of the contrasts that compare means.

    Parameters
    ----------
    parts : mapping of str to Task
        By contrast.
    """

    parts: Mapping[str, Task]

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan them; None where no contrast compares means, or absence.tests is false."""
        asked = group.config.absence
        means = {n: p for n, p in contrasts_of(group).items() if compares_means(p)}
        if not (asked.tests and means):
            return None
        return cls({name: _task(asked, plan) for name, plan in means.items()})

    def tasks(self) -> list[Task]:
        """Return the task of every contrast."""
        return list(self.parts.values())

    def keys(self) -> Mapping[str, Any]:
        """Return the key of each contrast's part."""
        return {"absence": {name: keys_by_stage([task]) for name, task in self.parts.items()}}

    def results(self, study: Finished) -> Results:
        """Return the tables, and the section."""
        rows = {name: table_of(study.lake, task.part, TABLE) for name, task in self.parts.items()}
        tables = {f"contrast-{name}_absence": own for name, own in rows.items()}
        asked = study.config.absence
        section = absence_section(rows, Bounds(asked.percent, asked.g, asked.width))
        return Results(tables, sections=(section,), stages=[ABSENCE.name])


def compares_means(plan: ContrastPlan) -> bool:
    """Whether a contrast is a difference of means, or a mean: a slope has other bounds."""
    return plan.design.q == 1 and effect_size_of(plan.design) in ("g", "d_z")


def _task(asked: Asked, plan: ContrastPlan) -> Task:
    told = plan.parcels.settings_as(RegionSettings).model_dump(exclude=set(OF_PERMUTATION))
    bounds = {"percent": asked.percent, "g": asked.g, "width": asked.width}
    return ABSENCE.task(told | bounds, plan.parcels.parents)
