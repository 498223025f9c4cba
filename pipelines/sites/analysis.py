"""Analyses of several sites: ComBat, what is site, meta-analyses, and their section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from rt1t2_dask.pipelines.analysis import Analysis, Group, GroupMap, Results
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.calibration.group_scale import study_scale
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.clusters import TABLE
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.sites.effects_plan import plan_site_effects
from rt1t2_dask.pipelines.sites.harmonise_plan import harmonise
from rt1t2_dask.pipelines.sites.meta_plan import MetaPlan, plan_meta
from rt1t2_dask.pipelines.sites.section import site_sections
from rt1t2_dask.pipelines.sites.stages import COMBAT
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

META_STATISTICS = {
    "z": "stat_z",
    "effect": "stat_effect",
    "i2": "stat_i2",
    "q": "stat_q",
    "leastz": "stat_least",
}


@dataclass(frozen=True)
class Harmony(Analysis):
    """Everybody's maps and regions without site effects, which all after it read.

    Parameters
    ----------
    plans : tuple of PersonPlan
    parts : tuple of Task
        ComBat's, then everybody's.
    """

    plans: tuple[PersonPlan, ...]
    parts: tuple[Task, ...]

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan ComBat; None where it is not asked for."""
        plans, tasks = harmonise(group.config, group.rows, group.plans, group.shared)
        return cls(tuple(plans), tasks) if tasks else None

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return list(self.parts)

    @property
    def learnt(self) -> Task:
        """Return the task that estimates the site effects."""
        return next(task for task in self.parts if task.stage == COMBAT.name)

    def people(self, group: Group) -> tuple[PersonPlan, ...]:
        """Return people with their harmonised maps and regions."""
        return self.plans


@dataclass(frozen=True)
class SiteEffects(Analysis):
    """The map of what is site, where it is not taken out; its parts, the map last."""

    parts: tuple[Task, ...]

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan the map; None where there is one site, or it follows from the groups."""
        rows, plans = usable(group.rows, group.plans)
        tasks = plan_site_effects(group.config, rows, plans, group.shared)
        return cls(tuple(tasks)) if tasks else None

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return list(self.parts)


@dataclass(frozen=True)
class MetaAnalyses(Analysis):
    """Meta-analyses of the sites' own contrasts.

    Parameters
    ----------
    contrasts : mapping of str to MetaPlan
    notes : tuple of str
        Sites that take no part, and why.
    """

    contrasts: Mapping[str, MetaPlan]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self:
        """Plan the meta-analysis of every t contrast, where there are sites."""
        found = plan_meta(
            group.config,
            group.rows,
            group.plans,
            group.shared,
            contrasts_of(group),
            study_scale(group.plans),
        )
        return cls(*found)

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [task for plan in self.contrasts.values() for task in plan.tasks()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of each meta-analysis' parts by stage."""
        return {"meta": {n: keys_by_stage(p.tasks()) for n, p in self.contrasts.items()}}

    def results(self, study: Finished) -> Results:
        """Return z, heterogeneity and clusters of every contrast."""
        tables = {
            f"contrast-{name}_desc-meta_clusters": table_of(study.lake, plan.clusters.part, TABLE)
            for name, plan in self.contrasts.items()
        }
        return Results(tables, maps=_meta_maps(study.lake, self.contrasts))


@dataclass(frozen=True)
class SiteSection(Analysis):
    """The report's section on sites; its parts are those of the analyses above."""

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Return it; None where there is one site."""
        return None if group.config.cohort.site is None else cls()

    def results(self, study: Finished) -> Results:
        """Return the section."""
        harmony, effects = study.group.of(Harmony), study.group.of(SiteEffects)
        meta = study.group.of(MetaAnalyses)
        task = harmony.learnt if harmony else effects.parts[-1] if effects else None
        return Results(sections=site_sections(study, task, meta.contrasts if meta else {}))


def _meta_maps(lake: Lake, contrasts: Mapping[str, MetaPlan]) -> Iterator[GroupMap]:
    for name, plan in contrasts.items():
        maps = lake.read(plan.meta.part)
        for label, array in META_STATISTICS.items():
            yield GroupMap(name, label, to_volume(maps[array]), "meta")
