"""The linear model at every voxel from sums over groups of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.columns import pseudo_inverse
from rt1t2_dask.stats.glm.fit import GlmResult, hedges_factor
from rt1t2_dask.stats.glm.sufficient import TILE, Fit, Sums, solve
from rt1t2_dask.stats.glm.unequal import LEAST_GROUP_DOF, quadratic
from rt1t2_dask.stats.scores import f_to_z, t_to_z

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

# Residual sums of squares are differences of sums: of constant data they leave 1e-16 to 1e-14 of
# Y'Y, of maps in float32 that vary 1e-12 and more.
CONSTANT = 1e-13


def fit_sums(
    groups: Sequence[Sums],
    everybody: Float,
    contrast: Float,
    enough: Bool,
    variance: Literal["equal", "welch"] = "equal",
) -> tuple[GlmResult, Fit]:
    """Test a contrast at every voxel from the sums of each group of people.

    Parameters
    ----------
    groups : sequence of Sums
        Of one design and the same voxels; with ``welch`` each has a variance of its own.
    everybody : ndarray, shape (column, column)
        X'X of all people, missing or not.
    contrast : ndarray, shape (column, q)
    enough : ndarray of bool, shape (voxel,)
        Where enough people of each group were measured.
    variance : {"equal", "welch"}

    Returns
    -------
    GlmResult
        Equal to :func:`rt1t2_dask.stats.glm.fit.fit` of all rows, to rounding.
    Fit

    Notes
    -----
    Welch's t and Winkler's G as in `rt1t2_dask.stats.glm.unequal` need of each group X'X, X'Y and
    Y'Y only: its residual sum of squares is Y'Y - 2 b'X'Y + b'X'X b, its leverage the trace of
    (X'X)^-1 of everybody times its own X'X.
    """
    fit = solve(groups, everybody)
    rows = np.full((8, len(fit.pattern)), np.nan)
    for start in range(0, len(fit.pattern), TILE):
        part = slice(start, start + TILE)
        rows[:, part] = _Tile.of(fit, groups, contrast, part).rows(variance == "welch")
    t, dof, effect, g, se, sd, explained, residual_dof = np.where(enough, rows, np.nan)
    q = contrast.shape[1]
    z = t_to_z(t, dof) if q == 1 else f_to_z(t, q, dof)
    n = fit.people.astype(np.int32)
    return GlmResult(t, z, dof, effect, g, n, se, sd, explained, residual_dof), fit


@dataclass(frozen=True)
class _Tile:
    """Some voxels of a fit, in its basis, with the sums of each group.

    Parameters
    ----------
    weights : ndarray, shape (column, q)
    estimates : ndarray, shape (column, voxel)
    inverse, gram : ndarray, shape (column, column, voxel)
    dof, residual, total : ndarray, shape (voxel,)
    grams : ndarray, shape (group, column, column, voxel)
    cross : ndarray, shape (group, column, voxel)
    squares, people : ndarray, shape (group, voxel)
    """

    weights: Float
    estimates: Float
    inverse: Float
    gram: Float
    dof: Float
    residual: Float
    total: Float
    grams: Float
    cross: Float
    squares: Float
    people: Float

    @classmethod
    def of(cls, fit: Fit, groups: Sequence[Sums], contrast: Float, part: slice) -> _Tile:
        """Take some voxels of a fit."""
        pattern = fit.pattern[part]
        return cls(
            weights=fit.basis.T @ contrast,
            estimates=fit.estimates[:, part],
            inverse=fit.inverses[..., pattern],
            gram=fit.grams[..., pattern],
            dof=(fit.people - fit.rank)[part].astype(np.float64),
            residual=fit.residual[part],
            total=fit.total[part],
            grams=np.stack([own.grams_at(part, fit.basis) for own in groups]),
            cross=np.stack([fit.basis.T @ own.cross[:, part] for own in groups]),
            squares=np.stack([own.squares[part] for own in groups]),
            people=np.stack([own.people[part] for own in groups]).astype(np.float64),
        )

    def rows(self, unequal: bool) -> Float:
        """Return statistic, dof, effect, g, standard error, SD, explained variance, n - rank."""
        direction = np.einsum("ijv,jq->qiv", self.inverse, self.weights)
        middle = np.einsum("iq,piv->qpv", self.weights, direction)
        usable = self._usable(direction)
        effect = self.weights.T @ self.estimates
        squares = quadratic(effect, middle, usable)
        with np.errstate(divide="ignore", invalid="ignore"):
            sd = np.sqrt(self.residual / self.dof)
            if len(effect) > 1:
                f, dof = self._f_unequal(usable) if unequal else self._f(squares, len(effect))
                found: tuple[Any, ...] = f, dof, np.nan, np.nan, np.nan
            else:
                se, dof = self._se_unequal(direction[0]) if unequal else self._se(middle[0, 0])
                g = effect[0] / sd * hedges_factor(self.dof)
                found = effect[0] / se, dof, effect[0], g, se
            rows = (*found, sd, squares / (squares + self.residual), self.dof)
        return np.where(usable, np.stack(np.broadcast_arrays(*rows)), np.nan)

    def _usable(self, direction: Float) -> Bool:
        """Return where the contrast can be estimated and the data vary."""
        missed = np.einsum("ijv,qjv->qiv", self.gram, direction) - self.weights.T[:, :, None]
        estimable = (np.abs(missed) < 1e-8).all(axis=(0, 1))
        return np.asarray(estimable & (self.dof > 0) & (self.residual > CONSTANT * self.total))

    def _se(self, middle: Float) -> tuple[Float, Float]:
        return np.sqrt(self.residual / self.dof * middle), self.dof

    def _se_unequal(self, direction: Float) -> tuple[Float, Float]:
        """Return the standard error and Welch-Satterthwaite degrees of freedom."""
        dof, variance = self._group_variances()
        parts = variance * np.einsum("iv,gijv,jv->gv", direction, self.grams, direction)
        whole = parts.sum(axis=0)
        return np.sqrt(whole), whole**2 / (parts**2 / dof).sum(axis=0)

    def _f(self, squares: Float, q: int) -> tuple[Float, Float]:
        return squares / (q * self.residual / self.dof), self.dof

    def _f_unequal(self, usable: Bool) -> tuple[Float, Float]:
        """Return Winkler's G and its denominator degrees of freedom."""
        dof, variance = self._group_variances()
        varies = (variance > 0).all(axis=0)
        precision = 1.0 / np.where(varies, variance, 1.0)
        largest = precision.max(axis=0)
        share = precision / largest
        inverse, _ = pseudo_inverse(np.einsum("gv,gijv->ijv", share, self.grams))
        effect = self.weights.T @ np.einsum("ijv,gv,gjv->iv", inverse, share, self.cross)
        middle = np.einsum("iq,ijv,jp->qpv", self.weights, inverse, self.weights)
        weight = share * self.people
        spread = ((1.0 - weight / weight.sum(axis=0)) ** 2 / dof).sum(axis=0)
        q = len(effect)
        scale = 1.0 + 2.0 * (q - 1) / (q * (q + 2)) * spread
        g = quadratic(effect, middle, usable & varies) * largest / (q * scale)
        return np.where(varies, g, np.nan), q * (q + 2) / (3.0 * spread)

    def _group_variances(self) -> tuple[Float, Float]:
        """Return degrees of freedom and variance of each group, shape (group, voxel)."""
        dof = self.people - np.einsum("ijv,gjiv->gv", self.inverse, self.grams)
        dof = np.where(dof >= LEAST_GROUP_DOF, dof, np.nan)
        fitted = np.einsum("iv,gijv,jv->gv", self.estimates, self.grams, self.estimates)
        residual = self.squares - 2 * np.einsum("iv,giv->gv", self.estimates, self.cross) + fitted
        return dof, np.where(residual > CONSTANT * self.squares, residual, 0.0) / dof
