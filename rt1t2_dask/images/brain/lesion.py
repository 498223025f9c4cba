"""Lesion masks: dilation and resampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.distance import distance_from
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Affine, Grid, Volume

_TOUCHED = 0.01  # of a voxel: below it is rounding


def dilate(mask: Volume, radius_mm: float) -> Volume:
    """Dilate a mask by a distance in mm, for any voxel size.

    Parameters
    ----------
    mask : Volume
        Boolean.
    radius_mm : float
        >= 0; voxels whose centre lies within it of a lesion voxel's centre join.
    """
    if not mask.data.any():
        return mask
    away = distance_from(mask.data, mask.grid.voxel_mm)
    return mask.with_data(np.asarray(away <= radius_mm))


def on_grid(
    mask: Volume,
    grid: Grid,
    *,
    rigid: Affine | None = None,
    warp: Warp | None = None,
    within: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Resample a mask to another grid: True where a voxel holds any part of the lesion.

    A voxel that linear interpolation would mix with a lesion voxel counts. The mask is thickened
    by half the target voxel's diagonal first where that is coarser, so that a thin lesion does
    not fall between voxel centres.

    Parameters
    ----------
    mask : Volume
        Boolean.
    grid : Grid
    rigid, warp, within
        As for `resample.to_grid`.
    """
    reach = float(np.linalg.norm(grid.voxel_mm)) / 2.0
    thick = dilate(mask, reach) if (grid.voxel_mm > 1.5 * mask.grid.voxel_mm).any() else mask
    share = thick.with_data(thick.data.astype(np.float32))
    carried = to_grid(share, grid, rigid=rigid, warp=warp, order=1, within=within)
    return np.asarray(carried.data > _TOUCHED, dtype=np.bool_)
