"""Correction for multiple testing."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Return the false discovery rate q of each p (Benjamini & Hochberg 1995).

    Parameters
    ----------
    p : array_like
        One family of tests, any shape; NaN is not a test and stays NaN.

    Returns
    -------
    ndarray, shape of p
        Step-up adjusted p, at most 1, monotone in p.
    """
    values = np.asarray(p, np.float64)
    out = np.full(values.shape, np.nan)
    tested = np.isfinite(values)
    family = values[tested]
    order = np.argsort(family, kind="stable")[::-1]
    ranks = np.arange(len(family), 0, -1)
    adjusted = np.minimum.accumulate(family[order] * len(family) / ranks) if len(family) else family
    restored = np.empty_like(family)
    restored[order] = np.minimum(adjusted, 1.0)
    out[tested] = restored
    return out
