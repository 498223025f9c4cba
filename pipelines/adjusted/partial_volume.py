"""Analysis `partial_volume`: every contrast beside the same with tissue held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.adjusted.beside import AdjustedPlan, read_adjusted
from rt1t2_dask.pipelines.adjusted.stages import ADJUSTED
from rt1t2_dask.pipelines.adjusted.tissue_plan import plan_adjusted, why_not
from rt1t2_dask.pipelines.analysis import Analysis, Group, GroupMap, Results
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.report.sections.adjusted import partial_volume_section
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

SHARES = {"grey": "grey matter", "tissue": "brain tissue"}
DESC = {"grey": "greyadjusted", "tissue": "tissueadjusted"}


@dataclass(frozen=True)
class PartialVolume(Analysis):
    """The contrasts with each voxel's share of tissue held.

    Parameters
    ----------
    contrasts : mapping of str to AdjustedPlan
        By the name of the contrast.
    notes : tuple of str
        Contrasts that cannot be adjusted, and why.
    """

    contrasts: Mapping[str, AdjustedPlan]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan them; None where the settings hold no tissue, or the maps came without scans."""
        config, main = group.config, contrasts_of(group)
        if config.partial_volume.covariate == "none" or config.source.ready_made or not main:
            return None
        _, people = usable(group.rows, group.plans)
        reasons = {name: why_not(plan, people) for name, plan in main.items()}
        found = {
            name: plan_adjusted(config, plan, people)
            for name, plan in main.items()
            if not reasons[name]
        }
        notes = (
            f"Contrast {name} is not adjusted for tissue: {reason}."
            for name, reason in reasons.items()
            if reason
        )
        return cls(found, tuple(notes))

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe which share of tissue is held."""
        which = config.partial_volume.covariate
        if which == "none" or config.source.ready_made or not config.every_contrast():
            return ""
        return f"contrasts again with each voxel's share of {SHARES[which]} held"

    def tasks(self) -> list[Task]:
        """Return the tasks of every contrast."""
        return [task for plan in self.contrasts.values() for task in plan.tasks()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of each contrast's parts by stage."""
        return {"partial_volume": {n: keys_by_stage(p.tasks()) for n, p in self.contrasts.items()}}

    def results(self, study: Finished) -> Results:
        """Return a table of both, the adjusted clusters and maps, and the section."""
        tables, shown = read_adjusted(study.lake, self.contrasts, "partial_volume")
        which = study.config.partial_volume.covariate
        weighted = study.config.smooth.tissue == "weighted"
        return Results(
            tables,
            maps=self._maps(study.lake, DESC[which]),
            sections=(partial_volume_section(shown, which, weighted),) if shown else (),
            stages=[ADJUSTED.name] if shown else [],
        )

    def _maps(self, lake: Lake, desc: str) -> Iterator[GroupMap]:
        for name, plan in self.contrasts.items():
            maps = lake.read(plan.contrast.part)
            for stat in ("t", "effect"):
                yield GroupMap(name, stat, to_volume(maps[f"stat_{stat}"]), desc)
            if plan.permute is not None:
                fwe = to_volume(lake.read(plan.permute.part)["fwe"])
                yield GroupMap(name, "t", fwe, f"{desc}fwe")
