"""One share of the voxels of an export, and the maps of some of its people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.engine.volumes import grid_of
from rt1t2_dask.pipelines.voxelwise.blocks import Block, Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask
from rt1t2_dask.pipelines.voxelwise.runs import even_share, runs_of


class VoxelSettings(ScaleSettings):
    """How everybody's ratio is read, and which share of the voxels of how many."""

    block: int
    blocks: int


def together(n: int) -> int:
    """Return how many of ``n`` people's maps are read together at most."""
    sizes: list[int] = [run.stop - run.start for run in runs_of(n)]
    return max(sizes)


def first_grid(inputs: Inputs) -> Grid:
    """Return the grid of the first map; the first of `share_patterns` refuses others."""
    return grid_of(inputs.dataset("row")["smoothed"])


def own_blocks(inputs: Inputs, grid: Grid, maps: int) -> list[Block]:
    """Return the blocks of the share, each as large as memory for so many maps allows."""
    settings = inputs.settings_as(VoxelSettings)
    blocks = voxel_blocks(grid.shape, analysis_mask(inputs, grid), maps)
    sizes = [block.voxels for block in blocks]
    return even_share(blocks, sizes, settings.block, settings.blocks)


def rows_of(inputs: Inputs, people: Sequence[int] | NDArray[np.intp]) -> Rows:
    """Open the maps of some people, in the order given."""
    settings, parts = inputs.settings_as(ScaleSettings), inputs.parts("row")
    maps = [inputs.lake.read(parts[k])["smoothed"] for k in people]
    factors = tuple(settings.factors[k] for k in people) if settings.factors else ()
    own = ScaleSettings(factors=factors, scale=settings.scale, against=settings.against)
    return Rows(maps, [], own)
