"""Peak memory of the stages of a contrast, from shapes, before anything is read."""

from __future__ import annotations

from rt1t2_dask.pipelines.contrasts.stat_maps import NAMES
from rt1t2_dask.pipelines.engine.resources import Shapes
from rt1t2_dask.pipelines.images.stages import OUTPUT
from rt1t2_dask.pipelines.voxelwise.blocks import BLOCK_BYTES, FLOAT_BYTES
from rt1t2_dask.pipelines.voxelwise.runs import block_count, in_blocks
from rt1t2_dask.pipelines.voxelwise.stages import sums_bytes
from rt1t2_dask.stats.glm.fit import TILE_VALUES

BRAIN = "brain"
"""A kind of grid: the voxels of a brain on the output grid."""
VARIANCE = "variance"
"""How variance is modelled, among the options of `Shapes`."""
BASE_BYTES, ROW_BYTES = 480 * 2**20, 10_000
TEMPORARIES, SMOOTHNESS, COVARIANCES = 8, 12, 14


def peak_bytes(n: int, voxels: int, grid: int, columns: int, variance: str = "equal") -> int:
    """Estimate the peak memory of a contrast's parts.

    Parameters
    ----------
    n, columns : int
        Rows and columns of the design.
    voxels, grid : int
        Voxels of the mask and of the whole grid.
    variance : str
        ``spm_unequal`` pools the covariance of all rows.
    """
    return max(
        block_bytes(n, voxels, columns, variance), joined_bytes(n, voxels, grid, columns, variance)
    )


def block_bytes(n: int, voxels: int, columns: int, variance: str = "equal") -> int:
    """Estimate the peak memory of one block, or of one run of people."""
    if not in_blocks(n, variance):
        return sums_bytes(n, voxels, columns)
    own = voxels // block_count(n, voxels) + 1
    data = min(BLOCK_BYTES, FLOAT_BYTES * n * own) + TEMPORARIES * 8 * TILE_VALUES
    return (
        BASE_BYTES
        + ROW_BYTES * n
        + max(data + 8 * own * (len(NAMES) + columns + 3), _pooled(n, variance))
    )


def joined_bytes(n: int, voxels: int, grid: int, columns: int, variance: str = "equal") -> int:
    """Estimate the peak memory of putting a contrast together."""
    maps = 8 * voxels * (len(NAMES) + columns + SMOOTHNESS) + 8 * grid * SMOOTHNESS
    summed = 0 if in_blocks(n, variance) else 3 * 8 * voxels * (3 * columns + SMOOTHNESS)
    return BASE_BYTES + ROW_BYTES * n + max(maps + summed, _pooled(n, variance))


def _pooled(n: int, variance: str) -> int:
    return COVARIANCES * 8 * n * n if variance == "spm_unequal" else 0


def block_peak(shapes: Shapes) -> float:
    """Return the peak memory of a block in bytes."""
    return block_bytes(
        shapes.people, int(shapes.voxels[BRAIN]), shapes.columns, shapes.options[VARIANCE]
    )


def joined_peak(shapes: Shapes) -> float:
    """Return the peak memory of putting a contrast together in bytes."""
    voxels, grid = int(shapes.voxels[BRAIN]), int(shapes.voxels[OUTPUT])
    return joined_bytes(shapes.people, voxels, grid, shapes.columns, shapes.options[VARIANCE])
