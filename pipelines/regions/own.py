"""Analysis `own_regions`: contrasts of the user's regions, and corrected within them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, GroupMap, Results
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.regional import TABLE as EFFECTS
from rt1t2_dask.pipelines.contrasts.regional import RegionSettings
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS
from rt1t2_dask.pipelines.permutations.plan import in_one_part
from rt1t2_dask.pipelines.regions.analysis import means_table
from rt1t2_dask.pipelines.regions.contrast import FWE
from rt1t2_dask.pipelines.regions.contrast import TABLE as SMALL
from rt1t2_dask.pipelines.regions.coverage import coverage_table
from rt1t2_dask.pipelines.regions.plan import OwnRegionSet, own_regions
from rt1t2_dask.pipelines.regions.stages import REGION_CONTRAST, SMALL_VOLUME
from rt1t2_dask.report.sections.own_regions import SetShown, own_regions_section
from rt1t2_dask.storage.parts import Lake, Part

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished


@dataclass(frozen=True)
class RegionSetPlan:
    """Tasks of one set of regions.

    Parameters
    ----------
    chosen : OwnRegionSet
    means : tuple of Task
        One a person, in the order of the study's plans.
    contrasts, small : mapping of str to Task
        By contrast; ``small`` is empty without permutations.
    """

    chosen: OwnRegionSet
    means: tuple[Task, ...]
    contrasts: Mapping[str, Task]
    small: Mapping[str, Task]

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [*self.means, *self.contrasts.values(), *self.small.values()]


@dataclass(frozen=True)
class OwnRegions(Analysis):
    """What a study computes over the sets of regions that its settings name."""

    sets: Mapping[str, RegionSetPlan]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan them; None where ``regions`` is empty.

        Raises
        ------
        UserError
            A file does not exist or cannot be used.
        """
        asked = group.config.regions
        if not asked:
            return None
        chosen = {name: own_regions(f"regions.{name}", own) for name, own in asked.items()}
        sets = {name: _plan_set(group, own) for name, own in chosen.items()}
        without = contrasts_of(group) and not any(own.small for own in sets.values())
        note = "Without permutations (permute.n=0) own regions have no small-volume correction."
        return cls(sets, (note,) if without else ())

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe which sets of regions are compared."""
        named = ", ".join(f"{name} ({own.image})" for name, own in config.regions.items())
        return f"own regions: {named}; contrasts and small-volume correction" if named else ""

    def tasks(self) -> list[Task]:
        """Return the tasks of every set."""
        return [task for own in self.sets.values() for task in own.tasks()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of the groups' parts by set and stage."""
        group = {n: [*s.contrasts.values(), *s.small.values()] for n, s in self.sets.items()}
        return {"regions": {name: keys_by_stage(tasks) for name, tasks in group.items()}}

    def results(self, study: Finished) -> Results:
        """Return coverage, means, contrasts and corrected peaks of every set, and the section."""
        lake, tables, shown = study.lake, {}, {}
        for name, own in self.sets.items():
            means, seen = _read_means(lake, own, study.plans)
            tables[f"regions-{name}"] = seen
            tables[f"regions-{name}_means"] = means
            effects = {n: table_of(lake, task.part, EFFECTS) for n, task in own.contrasts.items()}
            peaks = {n: table_of(lake, task.part, SMALL) for n, task in own.small.items()}
            tables |= {f"contrast-{n}_regions-{name}": rows for n, rows in effects.items()}
            tables |= {f"contrast-{n}_smallvolume-{name}": rows for n, rows in peaks.items()}
            shown[name] = SetShown(seen, effects, peaks)
        stages = [REGION_CONTRAST.name, SMALL_VOLUME.name]
        section = own_regions_section(shown)
        return Results(tables, maps=self._maps(lake), sections=(section,), stages=stages)

    def _maps(self, lake: Lake) -> Iterator[GroupMap]:
        for name, own in self.sets.items():
            for contrast, task in own.small.items():
                fwe = lake.read(task.part)[FWE]
                yield GroupMap(contrast, "t", to_volume(fwe), f"{name}SmallVolume")


def _plan_set(group: Group, chosen: OwnRegionSet) -> RegionSetPlan:
    chosen.atlas()
    means = tuple(chosen.means(plan) for plan in group.plans)
    at = {p.part(PARCELS): task.part for p, task in zip(group.plans, means, strict=True)}
    main = contrasts_of(group)
    tested = {name: _contrast(chosen, plan, at) for name, plan in main.items()}
    small = {name: _small(chosen, plan) for name, plan in main.items() if plan.permute}
    return RegionSetPlan(chosen, means, tested, small)


def _contrast(chosen: OwnRegionSet, plan: ContrastPlan, at: Mapping[Part, Part]) -> Task:
    """Plan the contrast over other regions: the same rows, each by its own means."""
    parents = {**plan.parcels.parents, **plan.rows_at(at)}
    told = plan.parcels.settings_as(RegionSettings).model_dump() | {"own": chosen.told}
    return REGION_CONTRAST.task(told, parents, chosen.files)


def _small(chosen: OwnRegionSet, plan: ContrastPlan) -> Task:
    assert plan.permute is not None
    observed, told = in_one_part(plan.relabelings, plan.permute)
    told["own"] = chosen.told
    return SMALL_VOLUME.task(told, observed.parents, {**observed.files, **chosen.files})


def _read_means(
    lake: Lake, own: RegionSetPlan, plans: Sequence[PersonPlan]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return everybody's means, and how much of each region they measure."""
    parts = [lake.read(task.part).load() for task in own.means]
    atlas = own.chosen.atlas()
    means = means_table(parts, plans, [f"{own.chosen.told.name}-{k}" for k in atlas.grey])
    covered = np.stack([part["coverage"].to_numpy() for part in parts])
    return means, coverage_table(atlas, parts[0]["region_voxels"].to_numpy(), covered)
