"""Mutual information of the ranks of two images at points, without sorting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.registration.mattes_kernels import carry, sample
from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_BINS = 4096  # of the histogram that stands for a sorted sample


@compiled
def pull(points: F64, to_index: F64, image: F32, values: F64) -> int:
    """Interpolate an image at world points, shape (n, 3), NaN outside; return how many are inside.

    `to_index` is 3 x 4, points to index; `values` is written, shape (n,).
    """
    inside = 0
    place, slope = np.empty(3), np.empty(3)
    for n in range(len(points)):
        values[n] = np.nan
        if carry(points[n], to_index, image.shape, place):
            values[n] = sample(image, place[0], place[1], place[2], slope)
            inside += 1
    return inside


@compiled
def ranked_information(one: F64, other: F64, classes: int) -> float:
    """Return the mutual information of ranks, nats, where both are finite.

    Parameters
    ----------
    one, other : ndarray, shape (n,)
        Of the same places.
    classes : int
        Of equal size, to 1/4096 of the range of values.
    """
    seen = np.isfinite(one) & np.isfinite(other)
    first, second = _classes(one[seen], classes), _classes(other[seen], classes)
    joint = np.zeros((classes, classes))
    for n in range(len(first)):
        joint[first[n], second[n]] += 1.0
    joint /= max(len(first), 1)
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    total = 0.0
    for i in range(classes):
        for j in range(classes):
            if joint[i, j] > 0:
                total += joint[i, j] * np.log(joint[i, j] / (rows[i] * columns[j]))
    return total


@compiled
def _classes(values: F64, classes: int) -> NDArray[np.int64]:
    out = np.zeros(len(values), np.int64)
    if len(values) == 0:
        return out
    low, high = values.min(), values.max()
    scale = _BINS / (high - low) if high > low else 0.0
    counts = np.zeros(_BINS)
    for n in range(len(values)):
        out[n] = min(int((values[n] - low) * scale), _BINS - 1)
        counts[out[n]] += 1.0
    of_bin = np.zeros(_BINS, np.int64)
    below = 0.0
    for k in range(_BINS):
        of_bin[k] = min(int((below + counts[k] / 2) * classes / len(values)), classes - 1)
        below += counts[k]
    for n in range(len(values)):
        out[n] = of_bin[out[n]]
    return out
