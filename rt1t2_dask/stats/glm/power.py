"""Minimum detectable effects of a study of this size and smoothness."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rt1t2_dask.stats.glm.noncentral import noncentrality_of_f, noncentrality_of_t
from rt1t2_dask.stats.scores import f_to_z, t_to_z, z_to_f, z_to_t

Float = NDArray[np.float64]
GRID = 200


def detectable(
    se: ArrayLike, dof: ArrayLike, height: float, nominal_dof: float, power: float = 0.8
) -> Float:
    """Compute the minimum detectable effect at each voxel, in the unit of the standard error.

    Parameters
    ----------
    se, dof : array_like
        Standard error of the effect and its degrees of freedom; NaN where not tested.
    height : float
        Critical t of the test, at ``nominal_dof``; corrected for the search volume.
    nominal_dof : float
        Degrees of freedom the height belongs to; elsewhere the t of equal p counts.
    power : float
        Power, in (0, 1).

    Returns
    -------
    ndarray
        The effect whose t exceeds the height with this probability, the standard error
        taken as known: P(T > u) = power for noncentral T.
    """
    se, dof = np.broadcast_arrays(np.asarray(se, np.float64), np.asarray(dof, np.float64))

    def needed(known: Float) -> Float:
        own = np.where(known == nominal_dof, height, z_to_t(t_to_z(height, nominal_dof), known))
        return noncentrality_of_t(known, 1 - power, own)

    return np.asarray(_by_dof(dof, np.isfinite(se), needed) * se)


def detectable_eta(
    n: ArrayLike, dof: ArrayLike, q: int, height: float, nominal_dof: float, power: float = 0.8
) -> Float:
    """Compute the minimum detectable partial eta squared of an F test at each voxel.

    Parameters
    ----------
    n, dof : array_like
        Rows measured and denominator degrees of freedom; NaN where not tested.
    q : int
        Numerator degrees of freedom.
    height : float
        Critical F, at ``nominal_dof``; corrected for the search volume.
    nominal_dof, power
        As in :func:`detectable`.

    Returns
    -------
    ndarray
        L / (L + n) in the population, with P(F > u) = power for noncentral F of noncentrality L
        (Cohen 1988: f^2 = L / n).
    """
    n, dof = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(dof, np.float64))

    def needed(known: Float) -> Float:
        z = f_to_z(height, q, nominal_dof)
        own = np.where(known == nominal_dof, height, z_to_f(z, q, known))
        return noncentrality_of_f(q, known, 1 - power, own)

    found = _by_dof(dof, np.isfinite(n), needed)
    return np.asarray(found / (found + n))


def cohens_f(eta_squared: float) -> float:
    """Return Cohen's f of a partial eta squared, in [0, 1): sqrt(eta^2 / (1 - eta^2))."""
    return float(np.sqrt(eta_squared / (1 - eta_squared)))


def _by_dof(dof: Float, tested: NDArray[np.bool_], needed: Callable[[Float], Float]) -> Float:
    """Compute noncentrality by degrees of freedom; interpolated for very many of them."""
    out = np.full(dof.shape, np.nan)
    tested = tested & np.isfinite(dof)
    if not tested.any():
        return out
    known, place = np.unique(dof[tested], return_inverse=True)
    if len(known) <= GRID:
        out[tested] = needed(known)[place]
    else:
        grid = np.geomspace(known[0], known[-1], GRID)
        out[tested] = np.interp(dof[tested], grid, needed(grid))
    return out
