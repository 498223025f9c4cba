"""Explained variance as t, F and normal deviates.

u = q F / (q F + dof), with F = t^2 where q is 1; the sign of u is that of t.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from rt1t2_dask.stats.scores import at_dof, t_to_z

Float = NDArray[np.float64]
NEARLY_ONE = 1 - 1e-7
TABLE = 4096


def explained_to_statistic(explained: ArrayLike, q: int, dof: ArrayLike) -> Float:
    """Return t (q = 1) or F (q > 1) of signed shares, |u| taken as at most 1 - 1e-7."""
    signed = np.asarray(explained, np.float64)
    u = np.minimum(np.abs(signed), NEARLY_ONE)
    ratio = np.asarray(dof) * u / (1 - u)
    return np.copysign(np.sqrt(ratio), signed) if q == 1 else np.asarray(ratio / q)


def explained_to_z(explained: ArrayLike, q: int, dof: ArrayLike) -> Float:
    """Return the normal deviate of equal p: one-sided with the sign of t, two-sided for F."""
    if q == 1:
        return t_to_z(explained_to_statistic(explained, 1, dof), dof)
    u = np.minimum(np.asarray(explained, np.float64), NEARLY_ONE)
    half = np.asarray(dof, np.float64) / 2
    p = special.betainc(half, q / 2, 1 - u)
    log_p = np.where(p > 0, np.log(np.maximum(p, 1e-300)), _log_beta_tail(half, q / 2, 1 - u))
    return np.asarray(-special.ndtri_exp(log_p - np.log(2)))


def explained_at_height(p: float, q: int, dof: float) -> float:
    """Return the explained variance at a threshold: one-sided p of t, p of F."""
    f = stats.t.isf(p, dof) ** 2 if q == 1 else q * stats.f.isf(p, q, dof)
    return float(f / (f + dof))


def comparable(explained: NDArray[Any], q: int, dof: Float, nominal: float) -> NDArray[np.float32]:
    """Convert to the statistic of equal p at the nominal degrees of freedom, by tables.

    Parameters
    ----------
    explained : ndarray, shape (voxel, ...)
        Signed u.
    q : int
        Rank of the contrast.
    dof : ndarray, shape (voxel,)
        Degrees of freedom of each voxel.
    nominal : float
        Target degrees of freedom.
    """
    out = np.empty(explained.shape, np.float32)
    for value in np.unique(dof).tolist():
        rows = dof == value
        root, factor = _factors(value, q, nominal)
        own = explained_to_statistic(explained[rows], q, value)
        out[rows] = own * np.interp(np.sqrt(np.abs(explained[rows])), root, factor)
    return out


@lru_cache(maxsize=128)
def _factors(dof: float, q: int, nominal: float) -> tuple[Float, Float]:
    root = np.linspace(1e-3, np.sqrt(NEARLY_ONE), TABLE)
    own = explained_to_statistic(root**2, q, dof)
    if q == 1:
        return root, at_dof(own, dof, nominal) / own
    other = stats.f.isf(stats.f.sf(own, q, dof), q, nominal)
    return root, np.where(np.isfinite(other), other, own) / own


def _log_beta_tail(a: Float, b: float, x: Float) -> Float:
    """Compute the log regularised incomplete beta function for tiny x (DLMF 8.17.7)."""
    series = special.hyp2f1(a, 1 - b, a + 1, x)
    return np.asarray(a * np.log(x) - np.log(a) - special.betaln(a, b) + np.log(series))
