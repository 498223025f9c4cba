"""Noncentrality of a t or F distribution from one of its quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Float = NDArray[np.float64]
NEAR, STEPS = 0.05, 50
# scipy's inverse is off by 6e-5 of its value at a t of 1,000 and does not end near 1e6 (1.17).
FAR_T = 1000.0
FAR_F, NOISELESS_F = 5e3, 1e7


def noncentrality_of_t(dof: ArrayLike, p: float, t: ArrayLike) -> Float:
    """Return the noncentrality at which t lies below a value with a given probability.

    Parameters
    ----------
    dof, t : array_like
        Degrees of freedom, above 0, and the value.
    p : float
        The probability, in (0, 1).

    Returns
    -------
    ndarray
        NaN where a value is not finite.

    Notes
    -----
    Beyond 1,000 in size the numerator's own noise is nothing beside the residual deviation's:
    T = L / sqrt(chi2 / dof), so that L is the value times a quantile of sqrt(chi2 / dof).
    """
    dof, t = np.broadcast_arrays(np.asarray(dof, np.float64), np.asarray(t, np.float64))
    known = np.isfinite(t) & np.isfinite(dof)
    near = known & (np.abs(t) <= FAR_T)
    far = known & ~near
    out = np.full(t.shape, np.nan)
    out[near] = special.nctdtrinc(dof[near], p, t[near])
    above = np.where(t[far] > 0, p, 1 - p)
    out[far] = t[far] * np.sqrt(special.chdtri(dof[far], above) / dof[far])
    return out


def noncentrality_of_f(q: int, dof: ArrayLike, p: float, f: ArrayLike) -> Float:
    """Return the noncentrality at which F lies below a value with a given probability.

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
    ``scipy.special.ncfdtrinc`` stops at four digits; bisection near it gives the rest. It gives
    no more than 10,000: from half of that on the search starts where the numerator has no noise,
    F = (L / q) / (chi2 / dof), and beyond 1e7 it ends there.
    """
    dof, f = np.broadcast_arrays(np.asarray(dof, np.float64), np.asarray(f, np.float64))
    known = np.isfinite(f) & np.isfinite(dof)
    out = np.where(known, 0.0, np.nan)
    reached = known & (special.fdtr(q, dof, np.where(known, f, 0.0)) > p)
    dof, f = dof[reached], f[reached]
    noiseless = np.multiply(f, q * special.chdtri(dof, p) / dof)
    rough = np.where(noiseless < FAR_F, special.ncfdtrinc(q, dof, p, f), noiseless)
    near = np.where(noiseless < NOISELESS_F, NEAR, 0.0)
    low, high = np.maximum(rough * (1 - near) - near, 0), rough * (1 + near) + near
    for _ in range(STEPS):
        middle = (low + high) / 2
        below = special.ncfdtr(q, dof, middle, f) > p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    out[reached] = (low + high) / 2
    return out
