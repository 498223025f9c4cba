"""Lesion masks: grown past a metric's reach, carried between spaces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Grid, Volume


def dilate(mask: Volume, radius_mm: float) -> Volume:
    """Grow a mask by a distance in mm, whatever the voxels' shape.

    Parameters
    ----------
    mask : Volume
        Boolean.
    radius_mm : float
        >= 0; voxels whose centre lies within it of a lesion voxel's centre join.
    """
    if not mask.data.any():
        return mask
    away = ndimage.distance_transform_edt(~mask.data, sampling=mask.grid.voxel_mm)
    return mask.with_data(np.asarray(away <= radius_mm))


def to_template(mask: Volume, grid: Grid, warp: Warp) -> Volume:
    """Carry a mask to a template grid by nearest neighbour."""
    return to_grid(mask, grid, warp=warp, order=0)


def on_grid(mask: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Give a mask on another grid of the same space: True where any part of the lesion lies.

    The mask is thickened by half the target voxel's diagonal first, so that a thin lesion does
    not fall between coarse voxel centres.
    """
    reach = float(np.linalg.norm(grid.voxel_mm)) / 2.0
    thick = dilate(mask, reach) if (grid.voxel_mm > 1.5 * mask.grid.voxel_mm).any() else mask
    return np.asarray(to_grid(thick, grid, order=0).data, dtype=np.bool_)
