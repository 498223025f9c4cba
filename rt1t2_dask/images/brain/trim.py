"""Crop a scan to the head: voxels beyond it enter no statistic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.transform import translation
from rt1t2_dask.images.volume import Array, Volume

Box = tuple[slice, slice, slice]

MARGIN_MM = 10.0
_LEAST_SLICES = 4
_ORIGIN_PER_MM = 1024


def filled_box(data: Array) -> Box:
    """Return the bounding box without constant slices at the border.

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
        Padding and conforming add such slices, and some scanners one at the end.

    Returns
    -------
    tuple of slice
        Everything where less than four slices would be left along an axis.
    """
    whole: list[slice] = []
    for axis in range(3):
        rows = np.moveaxis(data, axis, 0).reshape(data.shape[axis], -1)
        uneven = np.flatnonzero(rows.min(axis=1) < rows.max(axis=1))
        few = len(uneven) == 0 or uneven[-1] - uneven[0] < _LEAST_SLICES - 1
        whole.append(slice(0, len(rows)) if few else slice(int(uneven[0]), int(uneven[-1]) + 1))
    return whole[0], whole[1], whole[2]


def box_of(mask: NDArray[np.bool_], voxel_mm: NDArray[np.float64]) -> Box:
    """Return the bounding box of a mask plus 10 mm; the whole grid for an empty mask."""
    if not mask.any():
        x, y, z = mask.shape
        return slice(0, x), slice(0, y), slice(0, z)
    margin = np.ceil(MARGIN_MM / voxel_mm).astype(int)
    found = []
    for axis, extra in enumerate(margin):
        there = np.flatnonzero(mask.any(axis=tuple(k for k in range(3) if k != axis)))
        low = max(int(there[0] - extra), 0)
        found.append(slice(low, min(int(there[-1] + extra) + 1, mask.shape[axis])))
    return found[0], found[1], found[2]


def cut(image: Volume, box: Box) -> Volume:
    """Crop an image to a box; the world coordinates of voxels are kept."""
    start = np.array([part.start for part in box], dtype=np.float64)
    return Volume(np.ascontiguousarray(image.data[box]), image.affine @ translation(start))


def filled(image: Volume) -> Volume:
    """Crop constant slices at the border of an image (`filled_box`).

    The origin is then a whole number of 1/1024 mm: headers hold it to 1e-5 mm, so that the scan
    with and without such slices would differ by rounding, which registration amplifies.
    """
    found = cut(image, filled_box(image.data))
    affine = found.affine.copy()
    affine[:3, 3] = np.rint(affine[:3, 3] * _ORIGIN_PER_MM) / _ORIGIN_PER_MM
    return Volume(found.data, affine)
