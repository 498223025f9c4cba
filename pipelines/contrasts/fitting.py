"""The maps of a contrast as tasks: by blocks of voxels, or by runs of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rt1t2_dask.pipelines.contrasts.stages import CONTRAST, CONTRAST_BLOCK, CONTRAST_COVARIANCE
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.engine.task import Files, Parents, Task
from rt1t2_dask.pipelines.voxelwise.plan import plan_sums, plan_totals
from rt1t2_dask.pipelines.voxelwise.runs import FACTORS, block_count, in_blocks
from rt1t2_dask.stats.clusters.smoothness import sampled_rows
from rt1t2_dask.stats.design import Design

SCALE = (*FACTORS.values(), "scale", "against")


@dataclass(frozen=True)
class MapsPlan:
    """The tasks that make the maps of a contrast: the parts it is put together from, and itself."""

    pieces: tuple[Task, ...]
    contrast: Task

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Return every task, parents before children."""
        return (*self.pieces, self.contrast)


def plan_maps(
    design: Design,
    settings: Mapping[str, Any],
    parents: Parents,
    files: Files,
    voxels: float,
) -> MapsPlan:
    """Plan the maps of a contrast.

    Parameters
    ----------
    settings : mapping
        Of `ContrastSettings`.
    parents : mapping of str to Part or tuple of Part
        The maps of its rows, and the template.
    files : mapping of str to InputFile
        The mask, where there is one.
    voxels : float
        How many to expect.
    """
    if in_blocks(design.n, settings["variance"]):
        return _in_blocks(block_count(design.n, voxels), settings, parents, files)
    names = design.groups
    sums = plan_sums(
        [names.index(label) for label in design.group.tolist()],
        design.matrix.tolist(),
        scale_of_rows(settings),
        parents,
        files,
        settings["baseline"],
        sampled_rows(design.n),
    )
    totals, last = plan_totals(sums)
    fitted = CONTRAST.task(settings, {"sums": tuple(task.part for task in last)})
    return MapsPlan((*sums, *totals), fitted)


def _in_blocks(count: int, settings: Mapping[str, Any], parents: Parents, files: Files) -> MapsPlan:
    def each(stage: Stage, more: Parents) -> tuple[Task, ...]:
        shares = [{**settings, "block": k, "blocks": count} for k in range(count)]
        return tuple(stage.task(share, {**parents, **more}, files) for share in shares)

    pooled: tuple[Task, ...] = ()
    if settings["variance"] == "spm_unequal":
        pooled = each(CONTRAST_COVARIANCE, {})
    covariance: Parents = {"covariance": tuple(task.part for task in pooled)} if pooled else {}
    blocks = each(CONTRAST_BLOCK, covariance)
    read = {**parents, **covariance, "block": tuple(task.part for task in blocks)}
    return MapsPlan((*pooled, *blocks), CONTRAST.task(settings, read, files))


def scale_of_rows(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a stage's settings says how the rows' ratio is read."""
    return {name: settings[name] for name in SCALE if name in settings}
