"""Analysis `absence`: what each contrast of means can exclude, region by region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from rt1t2_dask.config.steps import Absence as Asked
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.absence.regions import TABLE
from rt1t2_dask.pipelines.absence.stages import ABSENCE, ABSENCE_MAPS, BOUND
from rt1t2_dask.pipelines.analysis import Analysis, Group, GroupMap, Results
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.regional import RegionSettings
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task, as_tuple, keys_by_stage
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.permutations.plan import in_one_part
from rt1t2_dask.report.sections.absence import Bounds, absence_section
from rt1t2_dask.stats.glm.effect_sizes import effect_size_of
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

OF_PERMUTATION = ("seed", "method", "n")
SHOWN = {
    "absence_p": ("equivalence", "uncorrected"),
    "absence_fwe": ("equivalence", "fwe"),
    "absence_p_g": ("equivalenceG", "uncorrected"),
    "absence_bf10": ("bf10", ""),
}
"""Maps of the output folder: statistic and ``desc-``, by array."""


@dataclass(frozen=True)
class Absence(Analysis):
    """Equivalence tests and Bayes factors of the contrasts that compare means.

    Parameters
    ----------
    parts : mapping of str to Task
        By contrast.
    maps : mapping of str to tuple of Task
        By contrast; the last makes the maps, those before test one bound each.
    """

    parts: Mapping[str, Task]
    maps: Mapping[str, tuple[Task, ...]]

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan them; None where no contrast compares means, or absence.tests is false."""
        asked = group.config.absence
        means = {n: p for n, p in contrasts_of(group).items() if compares_means(p)}
        if not (asked.tests and means):
            return None
        maps = {name: _maps(asked, plan) for name, plan in means.items() if asked.maps}
        return cls({name: _task(asked, plan) for name, plan in means.items()}, maps)

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe the bounds and where they are tested."""
        asked = config.absence
        if not (asked.tests and config.every_contrast()):
            return ""
        where = "regions and voxels" if asked.maps else "regions"
        return (
            f"absence: equivalence within {asked.percent:g} % and g of {asked.g:g}, Bayes factors; "
            f"{where}, for contrasts of means"
        )

    def tasks(self) -> list[Task]:
        """Return the task of every contrast."""
        return [*self.parts.values(), *(task for own in self.maps.values() for task in own)]

    def keys(self) -> Mapping[str, Any]:
        """Return the key of each contrast's part."""
        each = {name: [task, *self.maps.get(name, ())] for name, task in self.parts.items()}
        return {"absence": {name: keys_by_stage(tasks) for name, tasks in each.items()}}

    def results(self, study: Finished) -> Results:
        """Return the tables, and the section."""
        rows = {name: table_of(study.lake, task.part, TABLE) for name, task in self.parts.items()}
        tables = {f"contrast-{name}_absence": own for name, own in rows.items()}
        asked = study.config.absence
        section = absence_section(rows, Bounds(asked.percent, asked.g, asked.width))
        stages = [ABSENCE.name, *([ABSENCE_MAPS.name] if self.maps else [])]
        return Results(tables, maps=self._maps(study.lake), sections=(section,), stages=stages)

    def _maps(self, lake: Lake) -> Iterator[GroupMap]:
        for name, tasks in self.maps.items():
            found = lake.read(tasks[-1].part)
            for array, (stat, desc) in SHOWN.items():
                if array in found and bool(found[array].notnull().any()):
                    yield GroupMap(name, stat, to_volume(found[array]), desc)


def compares_means(plan: ContrastPlan) -> bool:
    """Whether a contrast is a difference of means, or a mean: a slope has other bounds."""
    return plan.design.q == 1 and effect_size_of(plan.design) in ("g", "d_z")


def _task(asked: Asked, plan: ContrastPlan) -> Task:
    return ABSENCE.task(_told(asked, plan), plan.parcels.parents)


def _told(asked: Asked, plan: ContrastPlan) -> dict[str, Any]:
    told = plan.parcels.settings_as(RegionSettings).model_dump(exclude=set(OF_PERMUTATION))
    return told | {"percent": asked.percent, "g": asked.g, "width": asked.width}


def _maps(asked: Asked, plan: ContrastPlan) -> tuple[Task, ...]:
    """Plan the maps; with permutations also the family-wise p of each bound."""
    fitted = {"contrast": plan.contrast.part}
    maps = {
        role: tuple(part for task in plan.means for part in as_tuple(task.parents[role]))
        for role in ("row", "partner")
        if role in plan.means[0].parents
    }
    bounds: tuple[Task, ...] = ()
    if plan.permute is not None:
        observed, told = in_one_part(plan.relabelings, plan.permute)
        told["percent"] = asked.percent
        bounds = tuple(BOUND.task(told | {"side": s}, observed.parents) for s in ("low", "high"))
    more = {"bound": tuple(task.part for task in bounds)} if bounds else {}
    made = ABSENCE_MAPS.task(_told(asked, plan), {**maps, **fitted, **more})
    return (*bounds, made)
