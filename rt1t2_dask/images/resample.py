"""Resampling: compose all transforms, then interpolate once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.brain.trim import filled
from rt1t2_dask.images.transform import Warp, inverse, move
from rt1t2_dask.images.volume import Affine, Array, Grid, Volume

Order = Literal[0, 1, 4]

_SLAB_VOXELS = 1_000_000
_FWHM_TO_SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))


def to_grid(
    image: Volume,
    grid: Grid,
    *,
    rigid: Affine | None = None,
    warp: Warp | None = None,
    order: Order,
    outside: float = 0.0,
    within: NDArray[np.bool_] | None = None,
) -> Volume:
    """Resample an image onto a grid through grid mm -> warp -> rigid -> image mm.

    Parameters
    ----------
    image : Volume
        Finite everywhere for order 4 (a spline would spread NaN over the image).
    grid : Grid
        The target, in the space the first transform starts from.
    rigid : ndarray, shape (4, 4), optional
        From the warp's target (or the grid's own space) to the image's space, mm.
    warp : Warp, optional
        From the grid's space.
    order : {0, 1, 4}
        0 nearest neighbour (floor(x + 0.5)), 1 linear, 4 fourth-degree B-spline, clipped to the
        input's range because splines ring.
    outside : float
        Value beyond the image's field of view (half a voxel past the outer voxel centres).
    within : ndarray of bool, shape of `grid`, optional
        Sample only these voxels; others are set to `outside`.

    Returns
    -------
    Volume
        The input's dtype for order 0, else float32.

    Notes
    -----
    Fourth-degree B-splines with mirrored edges equal SPM's reslice (spm_bsplinc, spm_bsplins) and
    SimpleITK's ``sitkBSpline4``.
    """
    source, low, high = _prepared(image.data, order)
    to_index = inverse(image.affine)
    out = np.full(grid.shape, outside, dtype=image.data.dtype if order == 0 else np.float32)
    rows = max(1, _SLAB_VOXELS // (grid.shape[1] * grid.shape[2]))
    for start in range(0, grid.shape[0], rows):
        stop = min(start + rows, grid.shape[0])
        chosen = (slice(None),) * 3 if within is None else np.nonzero(within[start:stop])
        world = _slab_world(grid, start, stop)[chosen]
        if warp is not None:
            world = warp.points(world)
        if rigid is not None:
            world = move(rigid, world)
        values = _sample(source, move(to_index, world), order, outside, low, high)
        out[start:stop][chosen] = values
    return Volume(out, grid.affine)


def template_grid(template: Grid, voxel_mm: float) -> Grid:
    """Return the template's bounding box at another voxel size, RAS, first voxel centre kept.

    The last voxel covers the template's last voxel centre.
    """
    ras = _as_ras(template)
    steps = (np.array(ras.shape) - 1) * ras.voxel_mm / voxel_mm
    shape = np.ceil(steps - 1e-6).astype(int) + 1
    return Grid(_triple(shape), _scaled(ras.affine, ras.voxel_mm, voxel_mm))


def regrid(image: Volume, voxel_mm: float, order: Order = 1) -> Volume:
    """Resample to isotropic voxels over the same field of view, RAS.

    Before downsampling, each axis is smoothed by a Gaussian whose FWHM makes up the difference
    between the two voxel sizes, against aliasing.
    """
    target = same_extent(image.grid, voxel_mm)
    wanted = np.sqrt(np.clip(voxel_mm**2 - image.grid.voxel_mm**2, 0.0, None))
    if order == 0 or not wanted.any():
        return to_grid(image, target, order=order)
    sigma = wanted * _FWHM_TO_SIGMA / image.grid.voxel_mm
    blurred = ndimage.gaussian_filter(image.data.astype(np.float32), sigma, mode="nearest")
    return to_grid(image.with_data(blurred), target, order=order)


def working_grid(images: Mapping[str, Volume], voxel_mm: float) -> dict[str, Volume]:
    """Resample a T1w and the masks on its grid to isotropic voxels.

    Parameters
    ----------
    images : mapping of str to Volume
        ``t1w`` and boolean masks on its grid.
    voxel_mm : float
        > 0.

    Returns
    -------
    dict of str to Volume
        The same names, the T1w by fourth-degree B-spline, masks by nearest neighbour, and the T1w's
        own voxels as ``t1w_source``, both without constant slices at the border; empty where it has
        this voxel size already (within 1 %).
    """
    if np.allclose(images["t1w"].grid.voxel_mm, voxel_mm, rtol=0.01):
        return {}
    t1w = filled(images["t1w"])  # a spline rings at the edge of empty slices
    made = {"t1w": regrid(t1w, voxel_mm, order=4), "t1w_source": t1w}
    grid = made["t1w"].grid
    return made | {k: to_grid(v, grid, order=0) for k, v in images.items() if k != "t1w"}


def _prepared(data: Array, order: Order) -> tuple[Array, float, float]:
    if order == 0:
        return data, 0.0, 0.0
    if order == 1:
        return data.astype(np.float32, copy=False), -np.inf, np.inf
    if not np.isfinite(data).all():
        raise ValueError("A fourth-degree spline needs finite voxels; this image has NaN.")
    coefficients = ndimage.spline_filter(data, order=4, output=np.float64, mode="mirror")
    return coefficients, float(data.min()), float(data.max())


def _sample(
    source: Array,
    index: NDArray[np.float64],
    order: Order,
    outside: float,
    low: float,
    high: float,
) -> Array:
    last = np.array(source.shape) - 1.0
    inside = ((index >= -0.5) & (index < last + 0.5)).all(axis=-1)
    where = np.clip(index[inside], 0.0, last).T
    values: Array = np.full(inside.shape, outside, dtype=source.dtype if order == 0 else np.float64)
    if order == 0:
        values[inside] = source[tuple(np.floor(where + 0.5).astype(np.intp))]
        return values
    found = ndimage.map_coordinates(
        source, where, output=np.float64, order=order, mode="mirror", prefilter=False
    )
    values[inside] = np.clip(found, low, high)
    return values


def _slab_world(grid: Grid, start: int, stop: int) -> NDArray[np.float64]:
    ranges = np.arange(start, stop), np.arange(grid.shape[1]), np.arange(grid.shape[2])
    index = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1)
    return move(np.asarray(grid.affine, dtype=np.float64), index)


def _as_ras(grid: Grid) -> Grid:
    """Return the same voxels with axes permuted and flipped to be nearest RAS."""
    orientation = nib.orientations.io_orientation(grid.affine)
    flip = nib.orientations.inv_ornt_aff(orientation, grid.shape)
    shape = np.empty(3, dtype=int)
    shape[orientation[:, 0].astype(int)] = grid.shape
    return Grid(_triple(shape), np.asarray(grid.affine @ flip, dtype=np.float64))


def same_extent(grid: Grid, voxel_mm: float) -> Grid:
    """Return isotropic voxels over the same field of view, RAS, about the same centre."""
    ras = _as_ras(grid)
    extent = np.array(ras.shape) * ras.voxel_mm
    shape = np.maximum(np.round(extent / voxel_mm).astype(int), 1)
    affine = _scaled(ras.affine, ras.voxel_mm, voxel_mm)
    centre = move(ras.affine, (np.array(ras.shape) - 1) / 2.0)
    affine[:3, 3] = centre - affine[:3, :3] @ ((shape - 1) / 2.0)
    return Grid(_triple(shape), affine)


def _scaled(affine: Affine, old_mm: NDArray[np.float64], new_mm: float) -> Affine:
    scaled = np.array(affine, dtype=np.float64)
    scaled[:3, :3] *= new_mm / old_mm
    return scaled


def _triple(shape: NDArray[np.intp]) -> tuple[int, int, int]:
    x, y, z = (int(n) for n in shape)
    return x, y, z
