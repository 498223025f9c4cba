"""p values and critical values from a permutation null, the identity included once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rt1t2_dask.stats.permutation.pareto import ParetoTail

Float = NDArray[np.float64]
TIE = 1 - 4e-6


def p_fwe(statistic: ArrayLike, null: NDArray[Any], tail: ParetoTail | None = None) -> Float:
    """Return the family-wise p of each value against the null of the maximum.

    Parameters
    ----------
    statistic : array_like
        Observed values; larger is more extreme; NaN stays NaN.
    null : ndarray, shape (permutation,)
        Maximum of each permutation, without the identity.
    tail : ParetoTail, optional
        Gives p above its threshold.

    Returns
    -------
    ndarray
        (#{null >= value} + 1) / (n + 1); ties count, within 4e-6 for rounding.
    """
    values = np.asarray(statistic, np.float64)
    ordered = np.sort(np.asarray(null, np.float64))
    reached = len(ordered) - np.searchsorted(ordered, values * TIE, side="left")
    p = (reached + 1) / (len(ordered) + 1)
    if tail is not None:
        p = np.where(values > tail.threshold, tail.p(values), p)
    return np.where(np.isnan(values), np.nan, p)


def p_uncorrected(exceed: NDArray[Any], n: int) -> Float:
    """Return the p of each voxel from its count of permutations at least as extreme."""
    return np.asarray((np.asarray(exceed, np.float64) + 1) / (n + 1))


def p_sequential(observed: float, null: NDArray[Any], exceedances: int) -> float:
    """Return the p of a sequential test that stops after enough exceedances.

    Besag & Clifford 1991: h / L where the h-th was the L-th permutation; where fewer
    than h were reached, (count + 1) / (n + 1).
    """
    reached = np.flatnonzero(np.asarray(null, np.float64) >= observed * TIE)
    if len(reached) >= exceedances:
        return float(exceedances / (reached[exceedances - 1] + 1))
    return float((len(reached) + 1) / (len(null) + 1))


def critical_value(null: NDArray[Any], alpha: float = 0.05) -> float:
    """Compute the value to exceed for a family-wise p of at most alpha; inf if n is too small."""
    ordered = np.sort(np.asarray(null, np.float64))[::-1]
    allowed = int(np.floor(alpha * (len(ordered) + 1) + 1e-9)) - 1
    return float(ordered[allowed]) if 0 <= allowed < len(ordered) else float("inf")
