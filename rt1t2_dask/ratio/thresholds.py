"""Otsu's threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BINS = 256


def otsu(values: NDArray[Any]) -> float:
    """Compute the threshold that best separates two classes (Otsu 1979, IEEE Trans SMC 9:62).

    Parameters
    ----------
    values : ndarray
        Any shape; non-finite values and the outer 0.1 % are ignored.

    Returns
    -------
    float
        Values above it are bright. NaN for no values.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return float("nan")
    low, high = np.quantile(finite, [0.001, 0.999])
    counts, edges = np.histogram(finite, bins=_BINS, range=(low, max(high, low + 1e-12)))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = counts.sum() - below
    sum_below = np.cumsum(counts * centres)[:-1]
    sum_above = (counts * centres).sum() - sum_below
    means = np.divide(sum_above, above, where=above > 0, out=np.zeros_like(above)) - np.divide(
        sum_below, below, where=below > 0, out=np.zeros_like(below)
    )
    between = below * above * means**2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return float(edges[1:-1][best].mean())
