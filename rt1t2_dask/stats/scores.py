"""Conversion of t and F to z and back, accurate far into the tails."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Float = NDArray[np.float64]


def t_to_z(t: ArrayLike, dof: ArrayLike) -> Float:
    """Return the standard normal deviate with the same one-sided p as t.

    Parameters
    ----------
    t : array_like
        Student's t; NaN stays NaN.
    dof : array_like
        Degrees of freedom, above 0; broadcast against t.

    Returns
    -------
    ndarray
        z with the sign of t; finite for any finite t.

    Notes
    -----
    p = stdtr(dof, -|t|). Where p underflows, log p comes from the incomplete
    beta function's hypergeometric form (DLMF 8.17.7).
    """
    t, dof = np.broadcast_arrays(np.asarray(t, np.float64), np.asarray(dof, np.float64))
    p = special.stdtr(dof, -np.abs(t))
    z = -special.ndtri(p)
    far = p < 1e-290
    if far.any():
        z = np.where(far, -special.ndtri_exp(_log_sf(np.abs(t), dof)), z)
    return np.asarray(np.copysign(z, t), np.float64)


def z_to_t(z: ArrayLike, dof: ArrayLike) -> Float:
    """Return Student's t with the same one-sided p as z, absolute z below 37."""
    z = np.asarray(z, np.float64)
    return np.asarray(
        np.copysign(-special.stdtrit(np.asarray(dof, np.float64), special.ndtr(-np.abs(z))), z)
    )


def at_dof(t: ArrayLike, dof: ArrayLike, nominal: float) -> Float:
    """Convert t values of differing degrees of freedom to one, keeping their p.

    Parameters
    ----------
    t, dof : array_like
        Statistic and its degrees of freedom.
    nominal : float
        Target degrees of freedom; values that have them, or whose p underflows, are unchanged.
    """
    t, dof = np.broadcast_arrays(np.asarray(t, np.float64), np.asarray(dof, np.float64))
    out = t.copy()
    other = np.isfinite(t) & (dof != nominal)
    converted = z_to_t(t_to_z(t[other], dof[other]), nominal)
    out[other] = np.where(np.isfinite(converted), converted, t[other])
    return out


def f_to_z(f: ArrayLike, q: int, dof: ArrayLike) -> Float:
    """Return the standard normal deviate with the p of F with q and dof degrees of freedom.

    Parameters
    ----------
    f : array_like
        Not below 0; NaN stays NaN.
    q : int
        Numerator degrees of freedom.
    dof : array_like
        Denominator degrees of freedom; broadcast against f.

    Notes
    -----
    p = I_x(dof/2, q/2), x = dof / (dof + q F); where it underflows, log p comes from the
    hypergeometric form (DLMF 8.17.8).
    """
    f, dof = np.broadcast_arrays(np.asarray(f, np.float64), np.asarray(dof, np.float64))
    x = dof / (dof + q * f)
    p = special.betainc(dof / 2, q / 2, x)
    z = -special.ndtri(p)
    far = p < 1e-290
    if far.any():
        z = np.where(far, -special.ndtri_exp(_log_betainc(dof / 2, q / 2, x)), z)
    return np.asarray(z)


def z_to_f(z: ArrayLike, q: int, dof: ArrayLike) -> Float:
    """Return F with the upper-tail p of z, z below 37."""
    dof = np.asarray(dof, np.float64)
    x = special.betaincinv(dof / 2, q / 2, special.ndtr(-np.asarray(z, np.float64)))
    return np.asarray(dof * (1 - x) / (q * x))


def f_at_dof(f: ArrayLike, q: int, dof: ArrayLike, nominal: float) -> Float:
    """Convert F values of differing denominators to one, keeping their p; see :func:`at_dof`."""
    f, dof = np.broadcast_arrays(np.asarray(f, np.float64), np.asarray(dof, np.float64))
    out = f.copy()
    other = np.isfinite(f) & (dof != nominal)
    converted = z_to_f(f_to_z(f[other], q, dof[other]), q, nominal)
    out[other] = np.where(np.isfinite(converted), converted, f[other])
    return out


def _log_betainc(a: Float, b: float, x: Float) -> Float:
    series = special.hyp2f1(a + b, 1.0, a + 1, x)
    front = a * np.log(x) + b * np.log1p(-x) - np.log(a) - special.betaln(a, b)
    return np.asarray(front + np.log(series))


def _log_sf(t: Float, dof: Float) -> Float:
    half = dof / 2
    x = dof / (dof + t * t)
    series = special.hyp2f1(half, 0.5, half + 1, x)
    return np.asarray(
        half * np.log(x) - np.log(half) - special.betaln(half, 0.5) + np.log(series) - np.log(2)
    )
