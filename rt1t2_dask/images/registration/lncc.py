"""Diffeomorphic registration by local cross-correlation, on one thread, same bits every time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.registration.lncc_kernels import (
    correlate,
    follow,
    forces,
    longest,
    pull_image,
)
from rt1t2_dask.images.resample import regrid
from rt1t2_dask.images.resample_kernels import sample_field
from rt1t2_dask.images.smooth_kernels import Separable
from rt1t2_dask.images.transform import Warp, inverse
from rt1t2_dask.images.volume import Affine, Grid, Volume

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Of an image's spread where it is not 0: windows that vary less hold noise alone.
_LEAST_SPREAD = 0.02
_LEAST_WINDOW = 0.3  # share of a window's voxels that must be known
_LEAST_KNOWN, _LEAST_FILLED = 0.5, 0.05  # share of a coarser voxel
_REACH = 3.0  # of the Gaussian kernels, standard deviations
_RELAXED, _LEAST_STEP, _PATIENCE = 0.5, 0.1, 4


@dataclass(frozen=True)
class Schedule:
    """Parameters of the search.

    Parameters
    ----------
    iterations : tuple of int
        Most per resolution level, coarsest first; each level halves the voxel size.
    metric_radius : int
        Half-width of the correlation's window, voxels.
    step_sigma, warp_sigma : float
        Gaussian smoothing of each update and of the field, voxels.
    step : float
        Longest displacement of an update, voxels; halved where the correlation no longer rises.
    """

    iterations: tuple[int, ...]
    metric_radius: int = 2
    step_sigma: float = 1.732
    warp_sigma: float = 0.707
    step: float = 1.0


def deform(
    fixed: Volume,
    moving: Volume,
    affine: Affine,
    schedule: Schedule,
    *,
    usable: Mask | None = None,
) -> Warp:
    """Register two images of one contrast, starting from an affine.

    Parameters
    ----------
    fixed, moving : Volume
        Finite; the warp is sampled on the fixed image's grid. Windows in which either is flat do
        not count.
    affine : ndarray, shape (4, 4)
        Fixed mm to moving mm; not refined.
    schedule : Schedule
    usable : ndarray of bool, shape of `moving`, optional
        Voxels of the moving image that the metric uses.

    Notes
    -----
    Updates along the gradient of the sum of local squared correlations, each smoothed and scaled to
    a set length, are composed, and the field is smoothed after each (Avants et al. 2008, Med Image
    Anal 12:26; composed as by Yushkevich's greedy). A level ends where the correlation no longer
    rises, and keeps the field where it was highest.
    """
    last, warp = len(schedule.iterations) - 1, Warp(affine)
    for level, most in enumerate(schedule.iterations):
        size = float(fixed.grid.voxel_mm.max()) * 2 ** (last - level)
        still = fixed if level == last else regrid(fixed, size)
        moved, seen = _coarser(moving, usable, size)
        if min(moved.grid.shape) < 2:  # nothing to interpolate between
            continue
        warp = _climbed(_Pair.of(still, moved, warp, schedule, seen), schedule, most)
    if warp.displacement is None:
        return Warp(affine, np.zeros((*fixed.grid.shape, 3), np.float32), fixed.grid)
    return warp


def _coarser(moving: Volume, usable: Mask | None, voxel_mm: float) -> tuple[Volume, Mask | None]:
    """Resample the moving image; what is not usable does not blur into the rest."""
    whole = regrid(moving, voxel_mm)
    if usable is None:
        return whole, None
    share = regrid(moving.with_data(usable.astype(np.float32)), voxel_mm)
    known = regrid(moving.with_data(np.where(usable, moving.data, np.float32(0))), voxel_mm)
    np.divide(known.data, share.data, out=whole.data, where=share.data > _LEAST_FILLED)
    return whole, share.data > _LEAST_KNOWN


def _climbed(pair: _Pair, schedule: Schedule, most: int) -> Warp:
    """Climb at one resolution."""
    step, best, behind = schedule.step, -np.inf, 0
    inner, outer = (
        Separable.gaussian(pair.moved_by.shape[1:], sigma, _REACH)
        for sigma in (schedule.step_sigma, schedule.warp_sigma)
    )
    moved, kept = np.empty_like(pair.moved_by), pair.moved_by.copy()
    for _ in range(most):
        value = pair.gradient()
        behind += 1
        if value > best:
            best, behind = value, 0
            np.copyto(kept, pair.moved_by)
        if behind >= _PATIENCE:
            step, behind = step * _RELAXED, 0
        for part in pair.force:
            inner.apply(part)
        length = longest(pair.force.reshape(3, -1))
        if step < _LEAST_STEP or length == 0:
            break
        follow(pair.moved_by, pair.force, step / length, moved)
        for part in moved:
            outer.apply(part)
        pair.moved_by, moved = moved, pair.moved_by
    pair.moved_by = kept
    return pair.warp()


@dataclass
class _Pair:
    """Two images at one resolution, and the field between them.

    Parameters
    ----------
    grid : Grid
        Of the fixed image and the field.
    affine : ndarray, shape (4, 4)
        Fixed mm to moving mm, without the field.
    fixed, moving : ndarray of float32
    moving_affine : ndarray, shape (4, 4)
    moved_by : ndarray of float32, shape (3, x, y, z)
        The field, voxels of the fixed grid.
    near : ndarray of bool
        Voxels of the fixed grid that a window of the fixed image's edge or inside reaches.
    box : Separable
        Sums over the correlation's window.
    least : ndarray of float32, shape (3,)
        See `correlate`.
    usable : ndarray of float32, shape of `moving`, or None
    """

    grid: Grid
    affine: Affine
    fixed: F32
    moving: F32
    moving_affine: Affine
    moved_by: F32
    near: Mask
    box: Separable
    least: F32
    usable: F32 | None
    force: F32 = field(init=False)

    def __post_init__(self) -> None:
        self.force = np.empty_like(self.moved_by)
        self._way = np.ascontiguousarray(
            (inverse(self.moving_affine) @ self.affine @ self.grid.affine)[:3]
        )
        self._value, self._slopes = np.zeros_like(self.fixed), np.zeros_like(self.moved_by)
        self._parts = np.empty_like(self.moved_by)
        self._whole = self._fixed_sums(np.ones_like(self.fixed))

    @classmethod
    def of(
        cls, still: Volume, moved: Volume, warp: Warp, schedule: Schedule, usable: Mask | None
    ) -> _Pair:
        """Lay out two images and a first field."""
        fixed, moving = (np.ascontiguousarray(one.data, np.float32) for one in (still, moved))
        box = Separable.box(fixed.shape, schedule.metric_radius)
        window = (2 * schedule.metric_radius + 1) ** 3
        least = [_LEAST_WINDOW * window, *(_least_variance(one) for one in (fixed, moving))]
        return cls(
            grid=still.grid,
            affine=warp.affine,
            fixed=fixed,
            moving=moving,
            moving_affine=moved.affine,
            moved_by=_carried(warp, still.grid),
            near=_reached(_reached(fixed != 0, box), box),
            box=box,
            least=np.array(least, np.float32),
            usable=None if usable is None else usable.astype(np.float32),
        )

    def gradient(self) -> float:
        """Write the gradient by the displacement into `force`; return the mean correlation."""
        value, near = self._value, self.near
        missed = pull_image(self.moving, self._way, self.moved_by, near, value, self._slopes)
        fixed = self.fixed
        count, f1, f2 = self._whole
        if missed or self.usable is not None:
            known = self._known()
            value[~known] = 0.0
            self._slopes[:, ~known] = 0.0
            fixed = np.where(known | ~near, fixed, np.float32(0))
            count, f1, f2 = self._fixed_sums(known.astype(np.float32))
        m1, m2, fm = value.copy(), value * value, fixed * value
        for part in (m1, m2, fm):
            self.box.apply(part)
        count, f1, f2, m1, m2, fm = (np.ravel(each) for each in (count, f1, f2, m1, m2, fm))
        total = correlate(count, f1, f2, m1, m2, fm, self.least, self._parts.reshape(3, -1))
        for part in self._parts:
            self.box.apply(part)
        slopes, out = self._slopes.reshape(3, -1), self.force.reshape(3, -1)
        sums = self._parts.reshape(3, -1)
        forces(fixed.ravel(), value.ravel(), sums, slopes, out)
        return total

    def warp(self) -> Warp:
        """Return the transform from the fixed to the moving image."""
        mm = np.moveaxis(np.tensordot(self.grid.affine[:3, :3], self.moved_by, 1), 0, -1)
        return Warp(self.affine, np.ascontiguousarray(mm, np.float32), self.grid)

    def _known(self) -> Mask:
        known = np.isfinite(self._value)
        if self.usable is not None:
            seen, unused = np.zeros_like(self.fixed), np.empty_like(self._slopes)
            pull_image(self.usable, self._way, self.moved_by, self.near, seen, unused)
            known &= (seen > 0.5) | ~self.near
        return known

    def _fixed_sums(self, known: F32) -> tuple[F32, F32, F32]:
        sums = known.copy(), self.fixed * known, self.fixed * self.fixed * known
        for part in sums:
            self.box.apply(part)
        return sums


def _least_variance(image: F32) -> float:
    seen = image[image != 0]
    spread = _LEAST_SPREAD * float(seen.std()) if seen.size else 0.0
    return max(spread**2, float(np.finfo(np.float32).tiny))


def _reached(where: Mask, box: Separable) -> Mask:
    share = where.astype(np.float32)
    box.apply(share)
    return np.asarray(share > 0.5)


def _carried(warp: Warp, grid: Grid) -> F32:
    """Return a field in voxels of a grid, shape (3, x, y, z)."""
    if warp.displacement is None or warp.grid is None:
        return np.zeros((3, *grid.shape), np.float32)
    mm = np.empty((*grid.shape, 3), np.float32)
    way = (inverse(warp.grid.affine) @ grid.affine)[:3]
    sample_field(np.ascontiguousarray(warp.displacement), np.ascontiguousarray(way), mm)
    turned = np.tensordot(mm, inverse(grid.affine)[:3, :3], ([3], [1]))
    return np.ascontiguousarray(np.moveaxis(turned, -1, 0), dtype=np.float32)
