"""Linear registration by Mattes' mutual information, on one thread, reproducible to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from rt1t2_dask.images.registration.mattes_kernels import fill_joint, gather_force, interpolate
from rt1t2_dask.images.transform import inverse, move
from rt1t2_dask.images.volume import Affine, Volume

Model = Literal["rigid", "similarity", "affine"]
F64 = NDArray[np.float64]

SEED = 20250501
BINS = 32
_PADDING = 2  # bins at either end that a spline may reach
_TAIL = 0.1  # percent of a moving image's voxels that are clipped at either end
_LEAST_SAMPLES = 100
_RELAXED = 0.5
_ROUNDING = 1e-9  # nats: what a blank image shares with any other


@dataclass(frozen=True)
class Level:
    """One resolution level of a search.

    Parameters
    ----------
    sigma_mm : float
        Standard deviation of the Gaussian that smooths both images.
    samples : int
        Maximum number of points of the fixed image to compare.
    step_mm : float
        First step: mean displacement of the points.
    least_mm : float
        The level ends below this step.
    most : int
        Maximum number of steps.
    """

    sigma_mm: float
    samples: int
    step_mm: float
    least_mm: float = 0.005
    most: int = 60


@dataclass(frozen=True)
class Fit:
    """A linear map, fixed mm to moving mm, shape (4, 4), and the mutual information there, nats."""

    matrix: Affine
    mutual_information: float

    @property
    def shares(self) -> bool:
        """Whether the mutual information exceeds rounding."""
        return self.mutual_information > _ROUNDING


def fit(
    fixed: Volume,
    moving: Volume,
    start: Affine,
    model: Model,
    levels: Sequence[Level],
    within: NDArray[np.bool_] | None = None,
) -> Fit:
    """Maximise the mutual information of two images from one start.

    Parameters
    ----------
    fixed, moving : Volume
        Finite.
    start : ndarray, shape (4, 4)
        Fixed mm to moving mm.
    model : {"rigid", "similarity", "affine"}
        6, 7 or 12 degrees of freedom, in addition to the start's own.
    levels : sequence of Level
        Coarse to fine; none measures the start.
    within : ndarray of bool, shape of `fixed`, optional
        Where the fixed image is compared.

    Returns
    -------
    Fit
        Mutual information 0 where the images do not overlap.

    Notes
    -----
    Mattes et al. 2003 (IEEE Trans Med Imaging 22:120): zero-order windows along the fixed image's
    bins, cubic B-splines along the moving image's; steps of set length along the gradient, halved
    where it turns back. Rotations and scalings are measured by the displacement of the samples.
    """
    matrix, value = np.asarray(start, dtype=np.float64), 0.0
    nowhere = within is not None and not within.any()
    for level in () if nowhere else levels:
        pair = _Pair.of(fixed, moving, level, within)
        matrix, value = _climb(pair, matrix, model, level)
    return Fit(matrix, value)


def information(
    fixed: Volume, moving: Volume, pose: Affine, samples: int, sigma_mm: float = 0.0
) -> float:
    """Compute the mutual information of two images at a pose, nats; 0 without overlap."""
    pair = _Pair.of(fixed, moving, Level(sigma_mm, samples, 1.0), None)
    return pair.measure(np.asarray(pose, dtype=np.float64)).value


@dataclass(frozen=True)
class _Measured:
    """Mutual information at a pose, and its gradient by shift and by left-multiplied matrix."""

    value: float
    shift: F64
    turned: F64


@dataclass(frozen=True)
class _Pair:
    """Samples of a fixed image, and a moving image, at one resolution."""

    points: F64
    centre: F64
    row: NDArray[np.int64]
    image: NDArray[np.float32]
    to_index: Affine
    scale: F64

    @staticmethod
    def of(fixed: Volume, moving: Volume, level: Level, within: NDArray[np.bool_] | None) -> _Pair:
        still, moved = (_smoothed(image, level.sigma_mm) for image in (fixed, moving))
        index = _drawn(fixed.data.shape, level.samples, within)
        values = interpolate(still, index)
        points = move(fixed.affine, index)
        low, high = np.percentile(moved, [_TAIL, 100 - _TAIL])
        width = (float(high - low) or 1.0) / (BINS - 2 * _PADDING)
        return _Pair(
            points=np.ascontiguousarray(points),
            centre=points.mean(axis=0),
            row=_bins(values),
            image=moved,
            to_index=inverse(moving.affine),
            scale=np.array([low, width, BINS], dtype=np.float64),
        )

    def radius_mm(self) -> float:
        """Root mean square distance of the samples from their centre."""
        return float(np.sqrt(((self.points - self.centre) ** 2).sum(axis=1).mean()))

    def measure(self, matrix: Affine) -> _Measured:
        """Return mutual information and its gradient about the samples' centre."""
        n = len(self.points)
        joint, column, slopes = np.empty((BINS, BINS)), np.empty(n), np.empty((n, 3))
        way = np.ascontiguousarray((self.to_index @ matrix)[:3])
        arguments = (self.points, self.row, self.image, way, self.scale)
        inside = fill_joint(*arguments, joint, column, slopes)
        if inside < _LEAST_SAMPLES:
            return _Measured(0.0, np.zeros(3), np.zeros((3, 3)))
        value, worth = _information(joint / inside)
        out = np.empty((3, 4))
        gather_force(self.points - self.centre, self.row, column, slopes, worth, out)
        pulls = self.to_index[:3, :3].T @ out / (inside * self.scale[1])
        return _Measured(value, pulls[:, 3], matrix[:3, :3] @ pulls[:, :3].T)


def _climb(pair: _Pair, matrix: Affine, model: Model, level: Level) -> tuple[Affine, float]:
    step, radius = level.step_mm, pair.radius_mm()
    best, best_value = matrix, 0.0
    before = np.zeros(12)
    for _ in range(level.most):
        here = pair.measure(matrix)
        if here.value > best_value:
            best, best_value = matrix, here.value
        ahead = _free(here, radius, model)
        length = float(np.linalg.norm(ahead))
        if length == 0:
            break
        ahead /= length
        step *= _RELAXED if ahead @ before < 0 else 1.0
        if step < level.least_mm:
            break
        matrix, before = _moved(matrix, pair.centre, step * ahead, radius, model), ahead
    return best, best_value


def _free(here: _Measured, radius: float, model: Model) -> F64:
    """Return the gradient by the model's own directions, each per mm, shape (12,)."""
    turned = here.turned.T / radius  # row: where to; column: from where
    if model == "rigid":
        turned = (turned - turned.T) / 2
    elif model == "similarity":
        turned = (turned - turned.T) / 2 + np.eye(3) * np.trace(turned) / 3
    return np.concatenate([here.shift, turned.ravel()])


def _moved(matrix: Affine, centre: F64, step: F64, radius: float, model: Model) -> Affine:
    change = step[3:].reshape(3, 3) / radius
    if model == "affine":
        turn = np.eye(3) + change
    else:
        axis = np.array([change[2, 1], change[0, 2], change[1, 0]])
        turn = Rotation.from_rotvec(axis).as_matrix() * np.exp(np.trace(change) / 3)
    moved: Affine = np.eye(4)
    moved[:3, :3] = turn @ matrix[:3, :3]
    moved[:3, 3] = move(matrix, centre) + step[:3] - moved[:3, :3] @ centre
    return moved


def _information(share: F64) -> tuple[float, F64]:
    """Return mutual information, and the logarithm of joint over moving share."""
    fixed, moving = share.sum(axis=1, keepdims=True), share.sum(axis=0, keepdims=True)
    met = share > 0
    worth = np.zeros_like(share)
    worth[met] = np.log(share[met] / np.broadcast_to(moving, share.shape)[met])
    own = np.log(np.where(fixed > 0, fixed, 1.0))
    return float((share * (worth - own)).sum()), worth


def _smoothed(image: Volume, sigma_mm: float) -> NDArray[np.float32]:
    data = np.ascontiguousarray(image.data, dtype=np.float32)
    if sigma_mm <= 0:
        return data
    sigma = sigma_mm / image.grid.voxel_mm
    return np.asarray(ndimage.gaussian_filter(data, sigma, mode="nearest", truncate=3.0))


def _drawn(
    shape: tuple[int, ...], samples: int, within: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """Draw continuous indices, in memory order: a grid would favour whole voxel shifts."""
    rng = np.random.default_rng(SEED)
    cells = np.arange(np.prod(shape)) if within is None else np.flatnonzero(within)
    if len(cells) > samples:
        cells = np.sort(rng.choice(cells, samples, replace=False))
    index = np.stack(np.unravel_index(cells, shape), axis=1) + rng.uniform(
        -0.5, 0.5, (len(cells), 3)
    )
    return np.clip(index, 0, np.array(shape) - 1.0)


def _bins(values: F64) -> NDArray[np.int64]:
    low, high = np.percentile(values, [_TAIL, 100 - _TAIL])
    used = BINS - 2 * _PADDING
    width = (float(high - low) or 1.0) / used
    rows = ((values - low) / width).astype(np.int64)
    return np.asarray(np.clip(rows, 0, used - 1))
