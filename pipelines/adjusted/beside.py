"""A contrast with more held, beside the contrast itself, as tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from rt1t2_dask.pipelines.adjusted.compare import TABLE
from rt1t2_dask.pipelines.adjusted.stages import ADJUSTED
from rt1t2_dask.pipelines.contrasts.clusters import TABLE as CLUSTERS
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.registry import again
from rt1t2_dask.report.sections.adjusted import Adjusted
from rt1t2_dask.stats.design import Design
from rt1t2_dask.storage.parts import Lake


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


def read_adjusted(
    lake: Lake, plans: Mapping[str, AdjustedPlan], held: str
) -> tuple[dict[str, pd.DataFrame], dict[str, Adjusted]]:
    """Return the tables of contrasts with more held, and what the report shows of each.

    Parameters
    ----------
    plans : mapping of str to AdjustedPlan
        By the name of the contrast.
    held : str
        What is held, as files are named.
    """
    tables: dict[str, pd.DataFrame] = {}
    shown: dict[str, Adjusted] = {}
    for name, plan in plans.items():
        both = table_of(lake, plan.compared.part, TABLE)
        clusters = table_of(lake, plan.clusters.part, CLUSTERS)
        tables[f"contrast-{name}_{held}"] = both
        tables[f"contrast-{name}_{held}_clusters"] = clusters
        shown[name] = Adjusted(both, clusters, lake.record(plan.compared.part)["r"])
    return tables, shown
