"""The smallest effect that a study of this size and smoothness would find."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rt1t2_dask.stats.scores import t_to_z, z_to_t

Float = NDArray[np.float64]
GRID = 200


def detectable(
    se: ArrayLike, dof: ArrayLike, height: float, nominal_dof: float, power: float = 0.8
) -> Float:
    """Minimum detectable effect at each voxel, in the unit of the standard error.

    Parameters
    ----------
    se, dof : array_like
        Standard error of the effect and its degrees of freedom; NaN where not tested.
    height : float
        Critical t of the test, at ``nominal_dof``; corrected for the search volume.
    nominal_dof : float
        Degrees of freedom the height belongs to; elsewhere the t of equal p counts.
    power : float
        Probability of finding it, in (0, 1).

    Returns
    -------
    ndarray
        The effect whose t exceeds the height with this probability, the standard error
        taken as known: P(T > u) = power for noncentral T.
    """
    se, dof = np.broadcast_arrays(np.asarray(se, np.float64), np.asarray(dof, np.float64))
    out = np.full(se.shape, np.nan)
    tested = np.isfinite(se) & np.isfinite(dof)
    if tested.any():
        out[tested] = se[tested] * _noncentrality(dof[tested], height, nominal_dof, power)
    return out


def _noncentrality(dof: Float, height: float, nominal: float, power: float) -> Float:
    """Noncentrality by degrees of freedom; interpolated where there are very many of them."""
    known, place = np.unique(dof, return_inverse=True)
    if len(known) <= GRID:
        return np.asarray(_exact(known, height, nominal, power)[place])
    grid = np.geomspace(known[0], known[-1], GRID)
    return np.interp(dof, grid, _exact(grid, height, nominal, power))


def _exact(dof: Float, height: float, nominal: float, power: float) -> Float:
    own = np.where(dof == nominal, height, z_to_t(t_to_z(height, nominal), dof))
    return np.asarray(special.nctdtrinc(dof, 1 - power, own))
