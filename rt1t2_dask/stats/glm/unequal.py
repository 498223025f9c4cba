"""Tests with one variance per group: Welch's t and Winkler's G."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.columns import combine, pseudo_inverse, total

Float = NDArray[np.float64]
# Residual degrees of freedom that a group's own variance needs: two people who share a covariate
# with 14 others have 0.8 and more; one whom covariates of the group fit has rounding noise.
LEAST_GROUP_DOF = 0.5
CONSTANT = 1e-20


@dataclass(frozen=True)
class Moments:
    """Least-squares residuals and the matrices for each group's variance.

    Parameters
    ----------
    residuals : ndarray, shape (row, voxel)
        0 for the missing.
    present : ndarray of bool, shape (row, voxel)
    inverse : ndarray, shape (column, column, voxel)
        Of the gram matrix of the basis over those present.
    basis : ndarray, shape (row, column)
    members : tuple of ndarray of int
        Rows of each group.
    """

    residuals: Float
    present: NDArray[np.bool_]
    inverse: Float
    basis: Float
    members: tuple[NDArray[np.intp], ...]

    def of_group(self, rows: NDArray[np.intp]) -> tuple[Float, Float]:
        """Return degrees of freedom and variance of a group, shape (voxel,); NaN where too few."""
        leverage = total(np.stack([self._leverage(k) for k in rows]))
        dof = total(self.present[rows].astype(np.float64)) - leverage
        dof = np.where(dof >= LEAST_GROUP_DOF, dof, np.nan)
        return dof, total(self.residuals[rows] ** 2) / dof

    def _leverage(self, row: int) -> Float:
        own = self.basis[row][:, None]
        return np.asarray(total(combine(self.inverse, own) * own) * self.present[row])


def t_unequal(moments: Moments, direction: Float, basis: Float) -> tuple[Any, Any]:
    """Compute the variance of a contrast and its Welch-Satterthwaite degrees of freedom.

    Parameters
    ----------
    moments : Moments
    direction : ndarray, shape (column, voxel)
        (X'X)^-1 c in the basis.
    basis : ndarray, shape (row, column)

    Notes
    -----
    sum_g s_g^2 sum_{i in g} a_i^2, a = X(X'X)^-1 c, with s_g^2 the residual sum of squares
    over sum_{i in g} R_ii (Winkler et al. 2014).
    """
    variance: Any = 0.0
    spread: Any = 0.0
    for rows in moments.members:
        dof, own = moments.of_group(rows)
        projector = combine(basis[rows], direction) * moments.present[rows]
        part = own * total(projector**2)
        variance, spread = variance + part, spread + part**2 / dof
    return variance, variance**2 / spread


def f_unequal(
    values: Float, moments: Moments, basis: Float, contrast: Float, usable: NDArray[np.bool_]
) -> tuple[Float, Float]:
    """Compute Winkler's G of several sets of weights, and its denominator degrees of freedom.

    Parameters
    ----------
    values : ndarray, shape (row, voxel)
    moments : Moments
    basis, contrast
        Design and weights, shapes (row, column) and (column, q).
    usable : ndarray of bool, shape (voxel,)
        Voxels to compute; 0 elsewhere, NaN where a group does not vary.

    Notes
    -----
    Winkler et al. 2014 (NeuroImage 92:381), equation 16; degrees of freedom as in Welch
    (1951), whose analysis of variance this is without covariates.
    """
    filled = np.where(moments.present, values, 0.0)
    varies = np.all(
        [moments.of_group(r)[1] > CONSTANT * total(filled[r] ** 2) for r in moments.members], axis=0
    )
    usable = usable & varies
    weights, largest, spread = _weights(moments, varies)
    n, p = basis.shape
    products = (basis[:, :, None] * basis[:, None, :]).reshape(n, p * p).T
    inverse, _ = pseudo_inverse(combine(products, weights).reshape(p, p, -1))
    effect = combine(contrast.T, combine(inverse, combine(basis.T, filled * weights)))
    middle = np.stack([combine(contrast.T, combine(inverse, c[:, None])) for c in contrast.T])
    q = len(effect)
    scale = 1.0 + 2.0 * (q - 1) / (q * (q + 2)) * spread
    g = quadratic(effect, middle, usable) * largest / (q * scale)
    return np.where(varies, g, np.nan), q * (q + 2) / (3.0 * spread)


def _weights(moments: Moments, varies: NDArray[np.bool_]) -> tuple[Float, Float, Float]:
    """Return each row's precision over the largest, the largest, and Welch's correction term."""
    groups = [(rows, *moments.of_group(rows)) for rows in moments.members]
    precision = np.stack([np.where(varies, 1.0 / variance, 1.0) for _, _, variance in groups])
    largest = precision.max(axis=0)
    weights = np.zeros(moments.residuals.shape)
    for (rows, _, _), own in zip(groups, precision, strict=True):
        weights[rows] = own / largest * moments.present[rows]
    whole = total(weights)
    spread = sum((1.0 - total(weights[rows]) / whole) ** 2 / dof for rows, dof, _ in groups)
    return weights, largest, np.asarray(spread)


def quadratic(effect: Float, middle: Float, usable: NDArray[np.bool_]) -> Float:
    """Compute e' M^-1 e of shapes (q, voxel) and (q, q, voxel or 1); 0 where not usable."""
    q, voxels = effect.shape
    matrices = np.broadcast_to(np.moveaxis(middle, -1, 0), (voxels, q, q))
    safe = np.where(usable[:, None, None], matrices, np.eye(q))
    solved = np.linalg.solve(safe, effect.T[:, :, None])[:, :, 0]
    return np.where(usable, total(effect * solved.T), 0.0)
