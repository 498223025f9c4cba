"""A contrast with covariates of each voxel's own, such as its share of grey matter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.columns import (
    DEGENERATE,
    blocks,
    combine,
    orthonormal,
    pseudo_inverse,
    total,
)
from rt1t2_dask.stats.glm.fit import (
    CONSTANT,
    TILE_VALUES,
    GlmResult,
    Variance,
    hedges_factor,
    whitened,
)
from rt1t2_dask.stats.glm.presence import MIN_GROUP_N, MIN_GROUP_SHARE, presence
from rt1t2_dask.stats.glm.residuals import contrast_partition
from rt1t2_dask.stats.glm.unequal import LEAST_GROUP_DOF
from rt1t2_dask.stats.scores import t_to_z
from rt1t2_dask.stats.shifted import regressor_of

Float = NDArray[np.float64]


@dataclass(frozen=True)
class _Fitted:
    """Voxels of a tile, fitted.

    Parameters
    ----------
    columns : ndarray, shape (column, row, voxel)
        Orthonormal over those present, the tested one last; 0 where it depends on others.
    size : ndarray, shape (voxel,)
        Length of what the other columns leave of the tested one.
    product : ndarray, shape (voxel,)
        Of the tested column with the data.
    squares : ndarray, shape (voxel,)
        Of the data, summed.
    residuals : ndarray, shape (row, voxel)
    present : ndarray, shape (row, voxel)
        1 where measured, else 0.
    dof : ndarray, shape (voxel,)
    """

    columns: Float
    size: Float
    product: Float
    squares: Float
    residuals: Float
    present: Float
    dof: Float


def fit_voxelwise(
    data: NDArray[Any],
    covariates: NDArray[Any],
    design: Design,
    variance: Variance = "equal",
    *,
    group_variance: dict[str, float] | None = None,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
) -> GlmResult:
    """Fit t of the design's contrast at every voxel with that voxel's own covariates held.

    Parameters
    ----------
    data : ndarray, shape (row, voxel)
        NaN where not measured.
    covariates : ndarray, shape (covariate, row, voxel)
        NaN counts as not measured. One that does not vary at a voxel takes no degree of freedom.
    design, variance, group_variance, min_group_n, min_group_share
        As in :func:`rt1t2_dask.stats.glm.fit.fit`.

    Returns
    -------
    GlmResult

    Raises
    ------
    UserError
        The contrast has several sets of weights (F), or shapes differ.

    Notes
    -----
    Biological parametric mapping (Casanova et al. 2007, NeuroImage 34:137): the model of each voxel
    is [X, c_v]. The tested column is X(X'X)^-1 c / (c'(X'X)^-1 c), whose coefficient given all
    others is the contrast (Winkler et al. 2014, appendix A).
    """
    _require(data, covariates, design)
    weight = whitened(design, variance, group_variance).whitening[:, None]
    design = replace(design, matrix=design.matrix * weight)
    out = np.full((9, data.shape[1]), np.nan)
    for part in blocks(data.shape[1], max(64, TILE_VALUES // design.n // 8)):
        values = _measured(data[:, part], covariates[:, :, part]) * weight
        seen = presence(values, design, min_group_n, min_group_share)
        out[8, part] = seen.present.sum(axis=0)
        chosen = np.flatnonzero(seen.whole | seen.partial)
        if len(chosen):
            own = covariates[:, :, part][:, :, chosen] * weight
            fitted = _fit(values[:, chosen], np.asarray(own, np.float64), design)
            out[:8, chosen + part.start] = _statistics(fitted, design, variance == "welch")
    t, dof, effect, g, se, sd, explained, residual_dof, n = out
    z, people = t_to_z(t, dof), n.astype(np.int32)
    return GlmResult(t, z, dof, effect, g, people, se, sd, explained, residual_dof)


def without(data: NDArray[Any], covariates: NDArray[Any], slopes: Float) -> NDArray[Any]:
    """Return the data minus each voxel's covariates times their slopes."""
    left = data
    for own, slope in zip(covariates, slopes, strict=True):
        left = left - own * slope
    return left


def slopes(
    data: NDArray[Any],
    covariates: NDArray[Any],
    design: Design,
    group_variance: dict[str, float] | None = None,
) -> Float:
    """Return the coefficients of each voxel's covariates, shape (covariate, voxel).

    Parameters
    ----------
    data, covariates, design, group_variance
        As in `fit_voxelwise`; rows are weighted where variances are given.

    Returns
    -------
    ndarray
        NaN where anybody is missing, 0 for a covariate that does not vary.
    """
    weight = _weights(design, group_variance)
    data, covariates = data * weight, covariates * weight
    basis = np.linalg.qr(design.matrix * weight)[0]
    found = np.empty((len(covariates), data.shape[1]))
    for part in blocks(data.shape[1], max(64, TILE_VALUES // design.n)):
        values = _left(basis, data[:, part])
        unit, size = zip(*(_unit(basis, own[:, part]) for own in covariates), strict=True)
        gram = np.stack([[total(a * b) for b in unit] for a in unit])
        known = np.isfinite(gram).all(axis=(0, 1)) & np.isfinite(values).all(axis=0)
        inverse, _ = pseudo_inverse(np.where(known, gram, 0.0))
        products = np.stack([total(own * values) for own in unit])
        found[:, part] = combine(inverse, np.where(known, products, np.nan)) / np.stack(size)
    return found


def _unit(basis: Float, covariate: NDArray[Any]) -> tuple[Float, Float]:
    """Return what the design leaves of a covariate at length 1, and its length; 0 where nothing."""
    rows = np.asarray(covariate, np.float64)
    left = _left(basis, rows)
    square = total(left**2)
    size = np.sqrt(np.where(square > DEGENERATE * total(rows**2), square, np.inf))
    return left / size, size


def _weights(design: Design, group_variance: dict[str, float] | None) -> Float:
    variance: Variance = "spm_unequal" if group_variance else "equal"
    return whitened(design, variance, group_variance).whitening[:, None]


def _left(basis: Float, values: NDArray[Any]) -> Float:
    rows = np.asarray(values, np.float64)
    return rows - combine(basis, combine(basis.T, rows))


def _require(data: NDArray[Any], covariates: NDArray[Any], design: Design) -> None:
    if design.q > 1:
        raise UserError(
            "voxelwise covariates need a contrast with one set of weights; this one is an F test."
        )
    if covariates.shape[1:] != data.shape or data.shape[0] != design.n:
        raise UserError(
            f"voxelwise covariates of shape {covariates.shape[1:]}, data {data.shape}, for a "
            f"design of {design.n} rows; all must agree."
        )


def _measured(data: NDArray[Any], covariates: NDArray[Any]) -> Float:
    """Return the data; NaN where a covariate is missing."""
    known = np.isfinite(covariates).all(axis=0)
    return np.where(known, np.asarray(data, np.float64), np.nan)


def _fit(values: Float, covariates: Float, design: Design) -> _Fitted:
    tested = regressor_of(design)
    present = np.isfinite(values).astype(np.float64)
    common = np.vstack([contrast_partition(design)[0], tested])[:, :, None] * present
    stacked = np.concatenate([common[:-1], np.where(present > 0, covariates, 0.0), common[-1:]])
    columns, rank = orthonormal(stacked)
    left = np.where(present > 0, values, 0.0)
    products = [total(own * left) for own in columns]
    residuals = left - sum(own * b for own, b in zip(columns, products, strict=True))
    return _Fitted(
        columns=columns,
        size=total(columns[-1] * common[-1]),
        product=products[-1],
        squares=total(left**2),
        residuals=residuals,
        present=present,
        dof=total(present) - rank,
    )


def _statistics(fitted: _Fitted, design: Design, unequal: bool) -> Float:
    """Return rows: t, dof, effect, g, standard error, SD, explained variance, n - rank."""
    squares = total(fitted.residuals**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_square = squares / fitted.dof
        usable = (fitted.size > 0) & (fitted.dof > 0) & (squares > CONSTANT * fitted.squares)
        variance, dof = mean_square / fitted.size**2, fitted.dof
        if unequal:
            variance, dof = _welch(fitted, design)
        effect, sd, se = fitted.product / fitted.size, np.sqrt(mean_square), np.sqrt(variance)
        g = effect / sd * hedges_factor(fitted.dof)
        explained = fitted.product**2 / (squares + fitted.product**2)
        rows = np.stack([effect / se, dof, effect, g, se, sd, explained, fitted.dof])
    return np.where(usable, rows, np.nan)


def _welch(fitted: _Fitted, design: Design) -> tuple[Float, Float]:
    """Return variance and degrees of freedom; see `rt1t2_dask.stats.glm.unequal.t_unequal`."""
    leverage, direction = total(fitted.columns**2), fitted.columns[-1] / fitted.size
    variance, spread = np.zeros_like(fitted.size), np.zeros_like(fitted.size)
    for name in design.groups:
        rows = design.group == name
        dof = total(fitted.present[rows] - leverage[rows])
        dof = np.where(dof >= LEAST_GROUP_DOF, dof, np.nan)
        part = total(fitted.residuals[rows] ** 2) / dof * total(direction[rows] ** 2)
        variance, spread = variance + part, spread + part**2 / dof
    return variance, variance**2 / spread
