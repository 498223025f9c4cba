"""Robust z within groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

TO_SD = 1.4826  # of a normal distribution's median absolute deviation
_LEAST = 3


def robust_z(values: Float, groups: Sequence[str]) -> Float:
    """Compute (value - median) / (1.4826 x median absolute deviation) within each group.

    Parameters
    ----------
    values : ndarray, shape (person,)
        NaN where not known.
    groups : sequence of str, length person

    Returns
    -------
    ndarray, shape (person,)
        NaN in groups of fewer than 3 known values, or where more than half are equal.
    """
    found = np.full(len(values), np.nan)
    names = np.asarray(groups, np.str_)
    for name in np.unique(names):
        own = (names == name) & np.isfinite(values)
        if own.sum() < _LEAST:
            continue
        middle = np.median(values[own])
        spread = TO_SD * np.median(np.abs(values[own] - middle))
        if spread > 0:
            found[own] = (values[own] - middle) / spread
    return found
