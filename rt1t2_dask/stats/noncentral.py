"""Noncentrality of an F distribution from one of its quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Float = NDArray[np.float64]
NEAR, STEPS = 0.05, 50


def noncentrality_of_f(q: int, dof: ArrayLike, p: float, f: ArrayLike) -> Float:
    """Give the noncentrality at which F lies below a value with a given probability.

    Parameters
    ----------
    q : int
        Numerator degrees of freedom.
    dof, f : array_like
        Denominator degrees of freedom, and the value.
    p : float
        The probability, in (0, 1).

    Returns
    -------
    ndarray
        >= 0; 0 where less than p lies below the value of a central F; NaN where a value is.

    Notes
    -----
    ``scipy.special.ncfdtrinc`` stops at four digits; bisection near it gives the rest.
    """
    dof, f = np.broadcast_arrays(np.asarray(dof, np.float64), np.asarray(f, np.float64))
    known = np.isfinite(f) & np.isfinite(dof)
    out = np.where(known, 0.0, np.nan)
    reached = known & (special.fdtr(q, dof, np.where(known, f, 0.0)) > p)
    dof, f = dof[reached], f[reached]
    rough = special.ncfdtrinc(q, dof, p, f)
    low, high = np.maximum(rough * (1 - NEAR) - NEAR, 0), rough * (1 + NEAR) + NEAR
    for _ in range(STEPS):
        middle = (low + high) / 2
        below = special.ncfdtr(q, dof, middle, f) > p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    out[reached] = (low + high) / 2
    return out
