"""Convert between images and arrays of the lake."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.variables import attributes, dimensions


def to_array(name: str, volume: Volume, **extra: Any) -> xr.DataArray:
    """Convert an image to an array of the lake: (z, y, x), with affine, units and doc.

    Parameters
    ----------
    name : str
        A name registered in `rt1t2_dask.variables`.
    volume : Volume
        Voxels indexed (x, y, z), or (x, y, z, component).
    **extra
        More attributes, such as ``space``.
    """
    data = np.ascontiguousarray(np.moveaxis(volume.data, (0, 1, 2), (2, 1, 0)))
    attrs = attributes(name) | {"affine": np.asarray(volume.affine).tolist()} | extra
    return xr.DataArray(data, dims=dimensions(name), attrs=attrs, name=name)


def to_volume(array: xr.DataArray) -> Volume:
    """Convert an array to an image: voxels indexed (x, y, z)."""
    data = np.moveaxis(array.to_numpy(), (0, 1, 2), (2, 1, 0))
    return Volume(data, affine_of(array))


def affine_of(array: xr.DataArray) -> NDArray[np.float64]:
    """Return the affine kept in the attributes, shape (4, 4)."""
    return np.asarray(array.attrs["affine"], dtype=np.float64)


def grid_of(array: xr.DataArray) -> Grid:
    """Return the grid of a (..., z, y, x) array."""
    z, y, x = array.shape[-3:]
    return Grid((x, y, z), affine_of(array))


def table(name: str, values: NDArray[Any]) -> xr.DataArray:
    """Convert a registered array that is not an image to an array of the lake."""
    return xr.DataArray(values, dims=dimensions(name), attrs=attributes(name), name=name)
