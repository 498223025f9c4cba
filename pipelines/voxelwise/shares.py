"""Which voxels one of several parts reads, when they divide a mask between them."""

from __future__ import annotations

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.voxelwise.blocks import Block, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask
from rt1t2_dask.pipelines.voxelwise.runs import even_share


class VoxelShare(StageSettings):
    """Which share of the voxels of how many."""

    block: int
    blocks: int


def own_blocks(inputs: Inputs, grid: Grid, maps: int) -> list[Block]:
    """Return the blocks of the share, each as large as memory for so many maps allows."""
    share = inputs.settings_as(VoxelShare)
    blocks = voxel_blocks(grid.shape, analysis_mask(inputs, grid), maps)
    sizes = [block.voxels for block in blocks]
    return even_share(blocks, sizes, share.block, share.blocks)
