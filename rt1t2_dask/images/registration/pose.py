"""Affine pose of a head or brain against a template: rough starts, then a refined fit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from rt1t2_dask.images.registration.coregister import centre_of_mass
from rt1t2_dask.images.registration.mattes import Level, fit
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.transform import about, compose, inverse, translation
from rt1t2_dask.images.volume import Affine, Array, Volume

SEARCH_MM, SHIFTED_MM = 8.0, 12.0
LEAST_REACH = 0.25
_LEAST_OVERLAP = 0.12  # of the fixed image's field of view
_SHIFTS_MM = (-50.0, -25.0, 25.0, 50.0)
_KEPT = 5
_SAMPLES = (20_000, 60_000)
_STEP_MM, _LEAST_MM = 4.0, 0.02
CLASSES = 24
_TILTS = (-30.0, 0.0, 30.0)


def plain_starts(fixed: Volume, moving: Volume) -> list[Affine]:
    """Return the pose of the headers and the one that aligns the centres of mass."""
    return [np.eye(4), translation(centre_of_mass(moving) - centre_of_mass(fixed))]


def rotated_starts(fixed: Volume, moving: Volume, around: Volume) -> list[Affine]:
    """Return the best of 24 x 27 rotations about the centre of mass, best first.

    All axis-aligned turns, each with tilts of -30, 0 and 30 degrees about three axes, scored at 8
    mm by correlation of the whole images, and by similarity within `around` (boolean, in the space
    of `fixed`): the best of each, alternating.
    """
    still, moved = regrid(fixed, SEARCH_MM), regrid(moving, SEARCH_MM)
    within = to_grid(around, still.grid, order=0).data

    def by_similarity(one: Volume, other: Volume, pose: Affine) -> float:
        return similarity(one, other, pose, within)

    found = [
        _best_starts(still, moved, [np.zeros(3)], score) for score in (by_similarity, correlation)
    ]
    return [start for both in zip(*found, strict=True) for start in both]


def shifted_starts(fixed: Volume, moving: Volume) -> list[Affine]:
    """Return the best of the rotations with shifts of up to 50 mm along the image's axes.

    The centre of mass of a slab, or of a head cropped above a long neck, is not the template's.
    Scored at 12 mm where both images are.
    """
    axes = moving.affine[:3, :3] / moving.grid.voxel_mm
    shifts = [np.zeros(3), *(mm * axis for axis in axes.T for mm in _SHIFTS_MM)]
    return _best_starts(regrid(fixed, SHIFTED_MM), regrid(moving, SHIFTED_MM), shifts, _where_both)


def _best_starts(
    still: Volume,
    moved: Volume,
    shifts: list[Array],
    score: Callable[[Volume, Volume, Affine], float],
) -> list[Affine]:
    placed = product(turns(still, moved), shifts)
    starts = [compose(start, translation(shift)) for start, shift in placed]
    scores = [score(still, moved, start) for start in starts]
    best = np.argsort(scores, kind="stable")[::-1][:_KEPT]
    return [starts[k] for k in best]


def turns(fixed: Volume, moving: Volume) -> list[Affine]:
    """Return the 24 x 27 rotations of `rotated_starts`, centres of mass aligned."""
    centre = centre_of_mass(fixed)
    to_centre = translation(centre_of_mass(moving) - centre)
    tilts = Rotation.from_euler("xyz", list(product(_TILTS, repeat=3)), degrees=True)
    found = []
    for turn, tilt in product(Rotation.create_group("O").as_matrix(), tilts.as_matrix()):
        matrix = np.eye(4)
        matrix[:3, :3] = turn @ tilt
        found.append(compose(about(matrix, centre), to_centre))
    return found


def correlation(fixed: Volume, moving: Volume, pose: Affine) -> float:
    """Return Pearson's r of the fixed and the moved image, in [-1, 1]; 0 outside the moved image.

    Parameters
    ----------
    fixed, moving : Volume
    pose : ndarray, shape (4, 4)
        Fixed mm to moving mm.
    """
    return _pearson(fixed.data, _pulled(fixed, moving, pose, outside=0.0))


def similarity(fixed: Volume, moving: Volume, pose: Affine, within: Array) -> float:
    """Return the mutual information of the ranks of two images, nats, in [0, log 24].

    Parameters
    ----------
    fixed, moving : Volume
    pose : ndarray, shape (4, 4)
        Fixed mm to moving mm.
    within : ndarray of bool, shape of `fixed`
        Compare only here, within the field of view of the moving image; 0 if that covers less than
        a quarter of it.

    Notes
    -----
    Ranks in 24 classes of equal size, so that bright fat, gamma and gain do not matter. Pearson's r
    could not separate right from wrong poses: a reversed head reached 0.48, a real one in its right
    pose 0.44.
    """
    pulled = _pulled(fixed, moving, pose, outside=np.nan)
    seen = within & np.isfinite(pulled)
    if seen.sum() < LEAST_REACH * within.sum():
        return 0.0
    return rank_information(fixed.data[seen], pulled[seen])


def rank_information(one: Array, other: Array) -> float:
    """Return the mutual information of the ranks of two samples in 24 classes, nats.

    Parameters
    ----------
    one, other : ndarray, shape (n,)
        Finite, of the same places; n >= 1.
    """
    pairs = _classes(one) * CLASSES + _classes(other)
    share = np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES) / pairs.size
    apart = share.sum(axis=1, keepdims=True) * share.sum(axis=0, keepdims=True)
    met = share > 0
    return float((share[met] * np.log(share[met] / apart[met])).sum())


def similar(fixed: Volume, moving: Volume, start: Affine) -> Affine:
    """Fit rotation, shift and one scale by Mattes mutual information of the whole images.

    Parameters
    ----------
    fixed, moving : Volume
        At the working voxel size; searched at twice that.
    start : ndarray, shape (4, 4)
        Fixed mm to moving mm; only the mean scale of a stretch or shear is kept.

    Notes
    -----
    Twelve degrees of freedom over whole heads shear the brain to fit neck, bed and field of view:
    on six real heads that left a similarity of 0.18 to 0.41, seven degrees 0.25 to 0.43.
    """
    left, scales, right = np.linalg.svd(start[:3, :3])
    plain = start.copy()
    plain[:3, :3] = left @ right * scales.prod() ** (1 / 3)
    return fit(fixed, moving, plain, "similarity", (_smooth(fixed, most=60),)).matrix


def refine(
    fixed: Volume, moving: Volume, start: Affine, *, within: Array | None = None
) -> Affine | None:
    """Fit 12 degrees of freedom by Mattes mutual information; None without overlap.

    Parameters
    ----------
    fixed, moving : Volume
        At the working voxel size.
    start : ndarray, shape (4, 4)
        Fixed mm to moving mm.
    within : ndarray of bool, shape of `fixed`, optional
        Where the fixed image is compared.
    """
    fine = Level(0.0, _SAMPLES[1], _STEP_MM / 2, _LEAST_MM, 100)
    found = fit(fixed, moving, start, "affine", (_smooth(fixed, most=100), fine), within)
    return found.matrix if found.shares else None


def _smooth(fixed: Volume, most: int) -> Level:
    sigma_mm = float(fixed.grid.voxel_mm.max())
    return Level(sigma_mm, _SAMPLES[0], _STEP_MM, _LEAST_MM, most)


def angle_between(one: Affine, other: Affine) -> float:
    """Return the angle in degrees, 0 to 180, between the rotations of two affine matrices."""
    turns = []
    for matrix in (one, other):
        left, _, right = np.linalg.svd(matrix[:3, :3])
        turns.append(left @ right)
    cosine = (np.trace(turns[0] @ turns[1].T) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _where_both(fixed: Volume, moving: Volume, pose: Affine) -> float:
    pulled = _pulled(fixed, moving, pose, outside=np.nan)
    seen = np.isfinite(pulled)
    if seen.mean() < _LEAST_OVERLAP:
        return -1.0
    return _pearson(fixed.data[seen], pulled[seen])


def _pulled(fixed: Volume, moving: Volume, pose: Affine, outside: float) -> Array:
    to_index = inverse(moving.affine) @ pose @ fixed.affine
    pulled: Array = ndimage.affine_transform(
        moving.data.astype(np.float32),
        to_index[:3, :3],
        to_index[:3, 3],
        output_shape=fixed.data.shape,
        order=1,
        cval=outside,
    )
    return pulled


def _classes(values: Array) -> Array:
    edges = np.quantile(values, np.arange(1, CLASSES) / CLASSES)
    return np.searchsorted(edges, values, side="right")


def _pearson(a: Array, b: Array) -> float:
    x = a.astype(np.float64) - a.mean(dtype=np.float64)
    y = b.astype(np.float64) - b.mean(dtype=np.float64)
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / scale) if scale > 0 else 0.0
