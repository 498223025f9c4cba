"""Resampling: compose all transforms, then interpolate once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.brain.trim import filled
from rt1t2_dask.images.resample_kernels import sample_linear, sample_places
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
    out = np.full(grid.shape, outside, dtype=image.data.dtype if order == 0 else np.float32)
    chosen = np.empty((0, 0, 0), np.bool_) if within is None else within
    way = _Way.of(image, grid, rigid, warp)
    if order == 1:
        sample_linear(source, way.direct, way.field, way.to_field, way.turn, chosen, out)
        return Volume(out, grid.affine)
    rows = max(1, _SLAB_VOXELS // (grid.shape[1] * grid.shape[2]))
    for start in range(0, grid.shape[0], rows):
        slab = slice(start, start + rows)
        voxels = np.argwhere(np.ones_like(out[slab], bool) if within is None else within[slab])
        voxels[:, 0] += start
        seen, where = way.places(image.grid.shape, voxels)
        at = tuple(voxels[seen].T)
        out[at] = _sample(source, where[:, seen], order, low, high)
    return Volume(out, grid.affine)


@dataclass(frozen=True)
class _Way:
    """The way from a grid's voxels to an image's; see `resample_kernels.place_of`."""

    direct: NDArray[np.float64]
    field: NDArray[np.float32]
    to_field: NDArray[np.float64]
    turn: NDArray[np.float64]

    @staticmethod
    def of(image: Volume, grid: Grid, rigid: Affine | None, warp: Warp | None) -> _Way:
        after = inverse(image.affine) @ (np.eye(4) if rigid is None else rigid)
        if warp is not None:
            after = after @ warp.affine
        field, to_field = np.empty((0, 0, 0, 3), np.float32), np.eye(4)
        if warp is not None and warp.displacement is not None and warp.grid is not None:
            field = np.ascontiguousarray(warp.displacement, np.float32)
            to_field = inverse(warp.grid.affine) @ grid.affine
        direct = after @ np.asarray(grid.affine, np.float64)
        return _Way(_rows(direct), field, _rows(to_field), _rows(after)[:, :3].copy())

    def places(
        self, shape: tuple[int, int, int], voxels: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return which voxels of the grid lie in the image's view, and where, shape (3, n)."""
        where = np.empty((3, len(voxels)))
        ways = (self.direct, self.field, self.to_field, self.turn)
        return sample_places(shape, *ways, voxels, where), where


def _rows(matrix: Affine) -> NDArray[np.float64]:
    """Return the three rows of a 4x4 matrix that make coordinates."""
    return np.ascontiguousarray(matrix[:3], dtype=np.float64)


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
        return np.ascontiguousarray(data, dtype=np.float32), -np.inf, np.inf
    if not np.isfinite(data).all():
        raise ValueError("A fourth-degree spline needs finite voxels; this image has NaN.")
    coefficients = ndimage.spline_filter(data, order=4, output=np.float64, mode="mirror")
    return coefficients, float(data.min()), float(data.max())


def _sample(
    source: Array, where: NDArray[np.float64], order: Order, low: float, high: float
) -> Array:
    if order == 0:
        return np.asarray(source[tuple(np.floor(where + 0.5).astype(np.intp))])
    found = ndimage.map_coordinates(
        source, where, output=np.float64, order=order, mode="mirror", prefilter=False
    )
    return np.asarray(np.clip(found, low, high))


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
