"""Analysis `share`: the sums over a site's people that it hands on in place of all results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rt1t2_dask.pipelines.analysis import Analysis, Group
from rt1t2_dask.pipelines.calibration.analysis import Gain
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.calibration.left_out import exclusion_notes
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.share.plan import plan_share


@dataclass(frozen=True)
class Share(Analysis):
    """The sums of one site.

    Parameters
    ----------
    task : Task
    notes : tuple of str
        People who are left out, and why.
    """

    task: Task
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self:
        """Plan the sums over the people at hand."""
        config, gain = group.config, group.of(Gain)
        rows, plans = usable(group.rows, group.plans)
        task = plan_share(config, rows, plans, group.shared, gain.task if gain else None)
        return cls(task, tuple(exclusion_notes("The export", group.plans, config.cohort.groups)))

    def tasks(self) -> list[Task]:
        """Return the one task."""
        return [self.task]
