"""Analysis `share`: the sums over a site's people that it hands on in place of all results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from rt1t2_dask.pipelines.analysis import Analysis, Group
from rt1t2_dask.pipelines.calibration.analysis import Gain
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.calibration.left_out import exclusion_notes
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.share.plan import plan_share
from rt1t2_dask.storage.parts import Part


@dataclass(frozen=True)
class Share(Analysis):
    """The sums of one site.

    Parameters
    ----------
    parts : tuple of Task
        Parents before children; the sums themselves last.
    notes : tuple of str
        People who are left out, and why.
    """

    parts: tuple[Task, ...]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self:
        """Plan the sums over the people at hand."""
        config, gain = group.config, group.of(Gain)
        rows, plans = usable(group.rows, group.plans)
        parts = plan_share(config, rows, plans, group.shared, gain.task if gain else None)
        return cls(parts, tuple(exclusion_notes("The export", group.plans, config.cohort.groups)))

    @property
    def task(self) -> Task:
        """Return the task whose part is handed on."""
        return self.parts[-1]

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return list(self.parts)

    def targets(self) -> list[Part]:
        """Return the part that is handed on; shares of voxels and runs only lead to it."""
        return [self.task.part]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of its parts by stage."""
        return {"share": keys_by_stage(self.parts)}
