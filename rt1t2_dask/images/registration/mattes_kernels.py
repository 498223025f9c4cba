"""Joint histogram of two images and its gradient, sample by sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


@compiled
def sample(image: F32, x: float, y: float, z: float, slope: F64) -> float:
    """Interpolate linearly at an index inside the image, and write the gradient."""
    i = min(int(x), image.shape[0] - 2)
    j = min(int(y), image.shape[1] - 2)
    k = min(int(z), image.shape[2] - 2)
    a, b, c = x - i, y - j, z - k
    low00 = image[i, j, k] + c * (image[i, j, k + 1] - image[i, j, k])
    low01 = image[i, j + 1, k] + c * (image[i, j + 1, k + 1] - image[i, j + 1, k])
    high00 = image[i + 1, j, k] + c * (image[i + 1, j, k + 1] - image[i + 1, j, k])
    high01 = image[i + 1, j + 1, k] + c * (image[i + 1, j + 1, k + 1] - image[i + 1, j + 1, k])
    low = low00 + b * (low01 - low00)
    high = high00 + b * (high01 - high00)
    slope[0] = high - low
    slope[1] = (1 - a) * (low01 - low00) + a * (high01 - high00)
    slope[2] = (1 - a) * (
        (1 - b) * (image[i, j, k + 1] - image[i, j, k])
        + b * (image[i, j + 1, k + 1] - image[i, j + 1, k])
    ) + a * (
        (1 - b) * (image[i + 1, j, k + 1] - image[i + 1, j, k])
        + b * (image[i + 1, j + 1, k + 1] - image[i + 1, j + 1, k])
    )
    value: float = low + a * (high - low)
    return value


@compiled
def interpolate(image: F32, index: F64) -> F64:
    """Interpolate linearly at indices, shape (n, 3), all inside the image."""
    values = np.empty(len(index))
    slope = np.empty(3)
    for n in range(len(index)):
        values[n] = sample(image, index[n, 0], index[n, 1], index[n, 2], slope)
    return values


@compiled
def fill_joint(
    points: F64,
    row: NDArray[np.int64],
    image: F32,
    to_index: F64,
    scale: F64,
    joint: F64,
    column: F64,
    slopes: F64,
) -> int:
    """Count samples into a joint histogram with cubic B-splines along the moving image.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        World mm of the fixed image.
    row : ndarray of int, shape (n,)
        Bin of the fixed image at each point.
    image : ndarray of float32, shape (x, y, z)
        Moving image.
    to_index : ndarray, shape (3, 4)
        Fixed mm to index of the moving image.
    scale : ndarray, shape (3,)
        Lowest value, width of a bin and number of bins; values beyond are clipped.
    joint : ndarray, shape (bins, bins)
        Written: counts.
    column, slopes : ndarray, shapes (n,) and (n, 3)
        Written: place along the moving bins, -1 outside the image; slope per index step.

    Returns
    -------
    int
        Samples inside the moving image.
    """
    inside = 0
    joint[:] = 0.0
    weights, slope = np.empty(4), np.empty(3)
    top = scale[2] - 2.001
    place = np.empty(3)
    for n in range(len(points)):
        column[n] = -1.0
        if not carry(points[n], to_index, image.shape, place):
            continue
        value = sample(image, place[0], place[1], place[2], slope)
        at = (value - scale[0]) / scale[1] + 2.0
        flat = at < 2.0 or at > top
        at = min(max(at, 2.0), top)
        for i in range(3):
            slopes[n, i] = 0.0 if flat else slope[i]
        column[n] = at
        first = int(at)
        _spline(at - first, weights)
        for k in range(4):
            joint[row[n], first - 1 + k] += weights[k]
        inside += 1
    return inside


@compiled
def gather_force(
    points: F64, row: NDArray[np.int64], column: F64, slopes: F64, worth: F64, out: F64
) -> None:
    """Sum the force of every sample, and its product with the sample's position.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Positions from the centre, mm.
    row, column, slopes
        As `fill_joint`.
    worth : ndarray, shape (bins, bins)
        Logarithm of the joint share over the moving share.
    out : ndarray, shape (3, 4)
        Written: per axis of the moving index, products with x, y, z, and the pull itself.
    """
    out[:] = 0.0
    weights = np.empty(4)
    for n in range(len(points)):
        if column[n] < 0:
            continue
        first = int(column[n])
        _spline_slope(column[n] - first, weights)
        pull = 0.0
        for k in range(4):
            pull += weights[k] * worth[row[n], first - 1 + k]
        for i in range(3):
            force = pull * slopes[n, i]
            out[i, 3] += force
            for j in range(3):
                out[i, j] += force * points[n, j]


@compiled
def carry(point: F64, to_index: F64, shape: tuple[int, int, int], place: F64) -> bool:
    """Write the index of a point in an image; return whether it is inside."""
    for i in range(3):
        place[i] = to_index[i, 3]
        for j in range(3):
            place[i] += to_index[i, j] * point[j]
        if place[i] < 0 or place[i] > shape[i] - 1:
            return False
    return True


@compiled
def _spline(t: float, weights: F64) -> None:
    weights[0] = (1 - t) ** 3 / 6
    weights[1] = (3 * t**3 - 6 * t**2 + 4) / 6
    weights[2] = (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6
    weights[3] = t**3 / 6


@compiled
def _spline_slope(t: float, weights: F64) -> None:
    weights[0] = -((1 - t) ** 2) / 2
    weights[1] = (3 * t**2 - 4 * t) / 2
    weights[2] = (-3 * t**2 + 2 * t + 1) / 2
    weights[3] = t**2 / 2
