"""What reads the rows of a contrast beside its maps: a copy by voxel, and the means of clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.contrasts.fitting import scale_of_rows
from rt1t2_dask.pipelines.contrasts.memory import brain_voxels
from rt1t2_dask.pipelines.contrasts.stages import CLUSTER_MEANS
from rt1t2_dask.pipelines.engine.task import Files, Parents, Task
from rt1t2_dask.pipelines.voxelwise.plan import plan_copy
from rt1t2_dask.pipelines.voxelwise.runs import (
    copy_pays,
    parents_of_run,
    runs_of,
    settings_of,
)


def plan_cluster_means(common: Mapping[str, Any], parents: Parents, n: int) -> list[Task]:
    """Plan the means of clusters over runs of ``n`` rows."""
    scale = scale_of_rows(common)
    tasks = []
    for run in runs_of(n):
        own = settings_of(scale, range(run.start, run.stop))
        tasks.append(CLUSTER_MEANS.task(own, parents_of_run(parents, run)))
    return tasks


def plan_copies(
    config: Config, n: int, common: Mapping[str, Any], parents: Parents, files: Files
) -> list[Task]:
    """Plan a copy of the maps by voxel, where relabelings read them so often that it pays."""
    voxels, asked = brain_voxels(config), config.storage.rechunk
    wanted = asked == "always" or (asked == "auto" and copy_pays(n, voxels))
    if not (wanted and config.permute.n and config.permute.statistic):
        return []
    return plan_copy(n, scale_of_rows(common), parents, files, voxels)
