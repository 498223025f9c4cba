"""Millimetres along the axes of a (z, y, x) grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

WORLD = {
    "x": "left to right",
    "y": "posterior to anterior",
    "z": "inferior to superior",
}
ALONG = "distance from the first voxel along this axis; the grid is oblique, see affine"


def axes(affine: ArrayLike, sizes: Mapping[str, int]) -> dict[str, xr.Variable]:
    """Return the coordinates of voxel centres along z, y and x.

    Parameters
    ----------
    affine : array_like, shape (4, 4)
        Voxel index (x, y, z, 1) to mm, RAS.
    sizes : mapping of str to int
        Voxels along "x", "y" and "z".

    Returns
    -------
    dict of str to xarray.Variable
        In mm: of the space where the axes are those of the space, else along the axis.
    """
    matrix = np.asarray(affine, np.float64)
    linear = matrix[:3, :3]
    straight = np.allclose(linear, np.diag(np.diag(linear)), atol=1e-6)
    steps = np.diag(linear) if straight else np.linalg.norm(linear, axis=0)
    starts = matrix[:3, 3] if straight else np.zeros(3)
    found = {}
    for name, start, step in zip("xyz", starts, steps, strict=True):
        said = WORLD[name] if straight else ALONG
        values = start + step * np.arange(sizes[name])
        found[name] = xr.Variable(name, values, {"units": "mm", "long_name": name, "doc": said})
    return found


def with_axes(dataset: xr.Dataset, more: Mapping[str, xr.Variable] | None = None) -> xr.Dataset:
    """Return a dataset of maps of one grid with mm along its axes, space and affine.

    Parameters
    ----------
    dataset : xarray.Dataset
        Its first variable carries the affine, and where it is known the space. The affines of what
        is returned are 16 numbers, row by row, which files of other formats can hold.
    more : mapping of str to xarray.Variable, optional
        Further coordinates.
    """
    about: Mapping[Any, Any] = next(iter(dataset.values())).attrs
    sizes = {name: dataset.sizes[name] for name in "xyz"}
    own = {**(more or {}), **axes(about["affine"], sizes)}
    flat = {name: array.assign_attrs(_flat(array.attrs)) for name, array in dataset.items()}
    shared = {name: about[name] for name in ("space", "affine", "units") if name in about}
    return dataset.assign(flat).assign_coords(own).assign_attrs(_flat(shared))


def _flat(attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return attributes that netCDF can hold: the 16 numbers of an affine, row by row."""
    if "affine" not in attrs:
        return dict(attrs)
    return {**attrs, "affine": np.ravel(attrs["affine"]).tolist()}
