"""Deviation of single people from others: modified t, each left out in turn, p by rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.design import LEAST_DOF
from rt1t2_dask.stats.glm.columns import blocks, combine, pseudo_inverse, total
from rt1t2_dask.stats.permutation.null import p_fwe
from rt1t2_dask.stats.scores import t_to_z

Float = NDArray[np.float64]
LEAST_OTHERS = 5
"""People who must be measured at a voxel to compare one more with them, whatever is asked."""
LEAST_FOR_RANK = 19
"""Controls with whom the smallest p by rank, 1 / (n + 1), is .05."""
ALONE = 1e-8
"""Of one minus leverage: a person whom the others' covariates cannot predict."""
CONSTANT = 1e-12
"""Share of a person's own squares that the others must leave: rounding of float64 below it."""
TILE_VALUES = 2**19


@dataclass(frozen=True)
class LeftOut:
    """Everybody against the others, at every voxel; NaN where that cannot be.

    Parameters
    ----------
    t : ndarray, shape (row, voxel)
        Modified t, positive: higher than expected from the others.
    dof : ndarray, shape (row, voxel)
        Others measured minus the rank of their columns.
    difference : ndarray, shape (row, voxel)
        Value minus what the others' fit expects of the person, in the unit of the data.
    """

    t: Float
    dof: Float
    difference: Float


def left_out(data: NDArray[Any], matrix: ArrayLike, least: int = LEAST_OTHERS) -> LeftOut:
    """Compare each row with all others, left out in turn, from one least-squares fit of all.

    Parameters
    ----------
    data : ndarray, shape (row, voxel)
        NaN where not measured.
    matrix : array_like, shape (row, column)
        Model of the rows, with its column of ones; of full rank.
    least : int
        Others who must be measured at a voxel.

    Returns
    -------
    LeftOut

    Raises
    ------
    UserError
        Rows do not match.

    Notes
    -----
    With x and y of the row left out, b, s and n - p degrees of freedom of the fit of the others,
    t = (y - x'b) / (s sqrt(1 + x'(X'X)^-1 x)). Without covariates this is the modified t of
    Crawford & Howell (1998, Clin Neuropsychol 12:482), with them that of predicting one more
    observation. It equals the externally studentised residual of the fit of all (Cook & Weisberg
    1982, Residuals and Influence, section 2.2): with residual r, leverage h and residual squares S,
    t = r sqrt(n - p) / sqrt(S (1 - h) - r^2), and y - x'b = r / (1 - h), so that one fit serves
    everybody.
    """
    model = np.asarray(matrix, np.float64)
    if model.ndim != 2 or data.shape[0] != model.shape[0]:
        raise UserError(f"deviation: {data.shape[0]} rows of data for a model of {model.shape}.")
    basis = np.linalg.qr(model)[0]
    everybody = np.ones((len(model), 1), bool)
    whole_fit = _inverse(basis, everybody)
    out = np.full((3, *data.shape), np.nan)
    for part in blocks(data.shape[1], max(64, TILE_VALUES // len(model))):
        values = np.asarray(data[:, part], np.float64)
        present = np.isfinite(values)
        whole = present.all(axis=0)
        some = ~whole & (present.sum(axis=0) > least)
        for chosen, fitted in ((whole, whole_fit), (some, None)):
            if chosen.any():
                here = everybody if fitted else present[:, chosen]
                own = fitted or _inverse(basis, here)
                at = np.flatnonzero(chosen) + part.start
                out[:, :, at] = _compared(values[:, chosen], here, basis, own, least)
    return LeftOut(*out)


def _inverse(basis: Float, present: NDArray[np.bool_]) -> tuple[Float, NDArray[np.intp]]:
    """Return (X'X)^-1 of the rows present, shape (column, column, voxel), and its rank."""
    n, p = basis.shape
    products = (basis[:, :, None] * basis[:, None, :]).reshape(n, p * p).T
    return pseudo_inverse(combine(products, present.astype(np.float64)).reshape(p, p, -1))


def _compared(
    values: Float,
    present: NDArray[np.bool_],
    basis: Float,
    fitted: tuple[Float, NDArray[np.intp]],
    least: int,
) -> Float:
    """Return t, degrees of freedom and difference of everybody, shape (3, row, voxel)."""
    inverse, rank = fitted
    known = np.where(present, values, 0.0)
    estimates = combine(inverse, combine(basis.T, known))
    residuals = np.where(present, known - combine(basis, estimates), 0.0)
    left = 1 - np.stack([_quadratic(row, inverse) for row in basis])
    others = total(present.astype(np.float64)) - 1
    dof = np.broadcast_to(others - rank, values.shape)
    own = total(residuals**2) * left
    squares = own - residuals**2
    usable = present & (others >= least) & (dof >= LEAST_DOF) & (left > ALONE)
    usable = usable & (squares > CONSTANT * (own + total(known**2) * CONSTANT))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = residuals * np.sqrt(dof / squares)
        found = np.stack([t, dof, residuals / left])
    return np.where(usable, found, np.nan)


def _quadratic(row: Float, inverse: Float) -> Float:
    """Return the leverage of a row, shape (voxel,)."""
    return np.asarray(combine(row[None], combine(inverse, row[:, None]))[0])


def extremes(t: ArrayLike, dof: ArrayLike) -> Float:
    """Return the largest and the smallest z of each row, shape (row, 2); NaN of nothing.

    Parameters
    ----------
    t, dof : array_like, shape (row, voxel)
        Of `left_out`; t of different degrees of freedom are compared at equal p.
    """
    values, freedom = np.asarray(t, np.float64), np.asarray(dof, np.float64)
    found = np.full((len(values), 2), np.nan)
    for own in np.unique(freedom[np.isfinite(freedom)]):
        here = np.isfinite(values) & (freedom == own)
        high = np.where(here, values, -np.inf).max(axis=1, initial=-np.inf)
        low = np.where(here, values, np.inf).min(axis=1, initial=np.inf)
        any_here = here.any(axis=1)
        found[any_here, 0] = np.fmax(found[any_here, 0], t_to_z(high[any_here], own))
        found[any_here, 1] = np.fmin(found[any_here, 1], t_to_z(low[any_here], own))
    return found


def joined_extremes(parts: ArrayLike) -> Float:
    """Join the extremes of several blocks of voxels, shape (block, row, 2) to (row, 2)."""
    stacked = np.asarray(parts, np.float64)
    high = np.fmax.reduce(stacked[..., 0], axis=0)
    return np.stack([high, np.fmin.reduce(stacked[..., 1], axis=0)], axis=-1)


def p_by_rank(z: ArrayLike, others: Float) -> dict[str, Float]:
    """Compute family-wise p of one person's z by rank among the others' extremes.

    Parameters
    ----------
    z : array_like
        Of the person; NaN stays NaN.
    others : ndarray, shape (other, 2)
        Largest and smallest z of each other person, left out against all others, the person
        among them. Rows of NaN do not count.

    Returns
    -------
    dict of str to ndarray
        ``both`` of |z|, ``higher`` and ``lower`` of one side: (1 + number of others whose maximum
        reaches the value) / (1 + number of others).

    Notes
    -----
    Where the person is one more control, the n + 1 maxima are exchangeable: each is the same
    function of one person's map and of the set of all others'. The person's rank among them is
    then uniform, and the p exact, whatever the distribution and its smoothness. With covariates
    the maps of residuals of normal data still have one distribution each, but correlate
    differently between pairs, so that p is close to exact.
    """
    known = others[np.isfinite(others).all(axis=1)]
    values = np.asarray(z, np.float64)
    largest = np.maximum(known[:, 0], -known[:, 1])
    return {
        "both": p_fwe(np.abs(values), largest),
        "higher": p_fwe(values, known[:, 0]),
        "lower": p_fwe(-values, -known[:, 1]),
    }


def percent_below(t: ArrayLike, dof: ArrayLike) -> Float:
    """Compute the percentage of the controls' population expected to have a lower value.

    The point estimate of abnormality of Crawford & Howell 1998: 100 times the one-sided p.
    """
    return np.asarray(100 * special.stdtr(dof, t), np.float64)


def two_sided_p(t: ArrayLike, dof: ArrayLike) -> Float:
    """Compute the two-sided p of a modified t."""
    return np.asarray(2 * special.stdtr(dof, -np.abs(np.asarray(t, np.float64))))


def standardised(t: ArrayLike, dof: ArrayLike, leverage: ArrayLike) -> Float:
    """Compute residuals of the fit of all over its standard deviation, from left-out t.

    Parameters
    ----------
    t, dof : array_like, shape (row, voxel)
        Of `left_out`, with nobody missing.
    leverage : array_like, shape (row,)

    Notes
    -----
    With r the residual and S the residual squares of the fit of all, t^2 / (t^2 + dof) is
    r^2 / (S (1 - leverage)); S is over dof + 1 degrees of freedom.
    """
    values, freedom = np.asarray(t, np.float64), np.asarray(dof, np.float64)
    share = 1 - np.asarray(leverage, np.float64)[:, None]
    return np.asarray(values * np.sqrt((freedom + 1) * share / (values**2 + freedom)))


def leverages(matrix: ArrayLike) -> Float:
    """Return the leverage of each row of a model of full rank, shape (row,)."""
    return np.asarray((np.linalg.qr(np.asarray(matrix, np.float64))[0] ** 2).sum(axis=1))
