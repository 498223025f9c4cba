"""Otsu's threshold of dark and bright voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

_BINS = 128  # of the histogram from the smallest to the largest value


def otsu_threshold(values: NDArray[np.float32]) -> float:
    """Return the threshold that maximises the variance between dark and bright voxels.

    Parameters
    ----------
    values : ndarray of float32
        Finite, any shape; the smallest value where all are equal.

    Returns
    -------
    float
        Upper edge of the last dark bin; values up to it are dark.

    Notes
    -----
    Otsu 1979 (IEEE Trans Syst Man Cybern 9:62), on a histogram of equal bins as ITK's filter does.
    """
    flat = np.ascontiguousarray(values, dtype=np.float32).ravel()
    low, high = float(flat.min()), float(flat.max())
    if low == high:
        return low
    width = (high - low) / _BINS
    counts = _histogram(flat, low, width)
    middle = low + (np.arange(_BINS) + 0.5) * width
    dark, moment = np.cumsum(counts)[:-1], np.cumsum(counts * middle)
    bright = len(flat) - dark
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = moment[:-1] / dark - (moment[-1] - moment[:-1]) / bright
        between = np.where((dark > 0) & (bright > 0), dark * bright * apart**2, 0.0)
    return low + (int(np.argmax(between)) + 1) * width


@compiled
def _histogram(values: NDArray[np.float32], low: float, width: float) -> NDArray[np.float64]:
    counts = np.zeros(_BINS)
    for value in values:
        counts[min(int((value - low) / width), _BINS - 1)] += 1.0
    return counts
