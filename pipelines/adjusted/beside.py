"""A contrast with more held, beside the contrast itself, as tasks."""

from __future__ import annotations

from dataclasses import dataclass

from rt1t2_dask.pipelines.adjusted.stages import ADJUSTED
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.registry import again
from rt1t2_dask.stats.design import Design


@dataclass(frozen=True)
class AdjustedPlan:
    """The parts of a contrast with more held; no `relabelings` where none are asked for.

    Parameters
    ----------
    pieces : tuple of Task
        Blocks of voxels.
    contrast, clusters : Task
    relabelings : tuple of Task
        The last sums them up.
    compared : Task
        The contrast beside the one it adjusts.
    """

    pieces: tuple[Task, ...]
    contrast: Task
    clusters: Task
    relabelings: tuple[Task, ...]
    compared: Task

    @property
    def permute(self) -> Task | None:
        """The task that sums the relabelings up."""
        return self.relabelings[-1] if self.relabelings else None

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [*self.pieces, self.contrast, self.clusters, *self.relabelings, self.compared]


def beside(
    plan: ContrastPlan,
    design: Design,
    pieces: tuple[Task, ...],
    contrast: Task,
    relabelings: tuple[Task, ...] = (),
    held: Parents | None = None,
) -> AdjustedPlan:
    """Plan the clusters of a contrast with more held, and their comparison.

    Parameters
    ----------
    plan : ContrastPlan
        The contrast itself.
    design : Design
        With what is held.
    pieces, contrast, relabelings
        As of `AdjustedPlan`.
    held : mapping of str to tuple of Part, optional
        Maps of the covariate that each voxel has of its own.
    """
    clusters = again(plan.clusters, {plan.contrast.part: contrast.part})
    compared = ADJUSTED.task(
        {"group": design.group.tolist()},
        {
            "contrast": plan.contrast.part,
            "clusters": plan.clusters.part,
            "adjusted": contrast.part,
            "adjusted_clusters": clusters.part,
            **(held or {}),
        },
    )
    return AdjustedPlan(pieces, contrast, clusters, relabelings, compared)
