"""The linear model at every voxel, with the people measured there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.columns import blocks, combine, pseudo_inverse, total
from rt1t2_dask.stats.glm.presence import MIN_GROUP_N, MIN_GROUP_SHARE, presence
from rt1t2_dask.stats.glm.unequal import Moments, f_unequal, quadratic, t_unequal
from rt1t2_dask.stats.scores import f_to_z, t_to_z

Float = NDArray[np.float64]
Variance = Literal["equal", "welch", "spm_unequal"]
CONSTANT = 1e-20
TILE_VALUES = 2**21


@dataclass(frozen=True)
class GlmResult:
    """One contrast at every voxel; NaN where too few were measured.

    Parameters
    ----------
    t, z : ndarray, shape (voxel,)
        Student's t, or F where the contrast has several sets of weights; and the normal
        deviate with the same one-sided p.
    dof : ndarray, shape (voxel,)
        Residual degrees of freedom.
    effect : ndarray, shape (voxel,)
        Contrast of the estimates in the data's unit (difference of adjusted means);
        NaN for F.
    hedges_g : ndarray, shape (voxel,)
        Effect over the residual standard deviation, corrected for small samples; NaN for F.
    n : ndarray of int, shape (voxel,)
        Rows measured.
    se, sd : ndarray, shape (voxel,)
        Standard error of the effect (NaN for F) and residual standard deviation.
    explained : ndarray, shape (voxel,)
        Fraction of the variance left by the other columns that the tested ones explain in the least
        squares fit, 0 to 1: partial eta squared, the square of partial r.
    residual_dof : ndarray, shape (voxel,)
        Rows measured minus the rank of the design.
    """

    t: Float
    z: Float
    dof: Float
    effect: Float
    hedges_g: Float
    n: NDArray[np.int32]
    se: Float
    sd: Float
    explained: Float
    residual_dof: Float


@dataclass(frozen=True)
class Model:
    """A whitened design in an orthonormal basis, with the contrast in that basis.

    Parameters
    ----------
    basis : ndarray, shape (row, column)
    contrast : ndarray, shape (column, q)
    whitening : ndarray, shape (row,)
        Weight of each row of data.
    members : tuple of ndarray of int
        Rows of each group.
    triangle : ndarray, shape (column, column)
        ``basis @ triangle`` is the whitened design.
    """

    basis: Float
    contrast: Float
    whitening: Float
    members: tuple[NDArray[np.intp], ...]
    triangle: Float

    def coefficients(self, estimates: Float) -> Float:
        """Return estimates in the basis as coefficients of the design, shape (column, voxel)."""
        return combine(np.asarray(np.linalg.inv(self.triangle), np.float64), estimates)


@dataclass(frozen=True)
class _Geometry:
    """Matrices per voxel given the rows present: (column, column), (q, column) and (q, q)."""

    present: NDArray[np.bool_]
    inverse: Float
    direction: Float
    middle: Float
    dof: Float
    estimable: NDArray[np.bool_]


def fit(
    data: NDArray[Any],
    design: Design,
    variance: Variance = "equal",
    *,
    group_variance: dict[str, float] | None = None,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
) -> GlmResult:
    """Fit t, or F, of the design's contrast at every voxel.

    Parameters
    ----------
    data : ndarray, shape (participant, voxel)
        Rows as the design's (see ``Design.observed``); NaN where not measured.
    design : Design
        The model; voxels with missing participants use the remaining rows.
    variance : {"equal", "welch", "spm_unequal"}
        One residual variance; one a group, with Welch-Satterthwaite degrees of
        freedom; or one a group in the fixed ratio ``group_variance``.
    group_variance : dict, optional
        Relative variance of each group from :func:`rt1t2_dask.stats.glm.reml.group_variances`;
        needed by ``spm_unequal``.
    min_group_n, min_group_share
        A voxel needs this many participants and this fraction of each group (all
        of a group that is smaller than ``min_group_n``).

    Returns
    -------
    GlmResult

    Notes
    -----
    ``spm_unequal`` is SPM12's t = c'b / sqrt(ResMS c'(X'V^-1X)^-1 c) with
    degrees of freedom n - rank. ``welch`` keeps least-squares estimates and
    takes the variance sum_g s_g^2 sum_{i in g} a_i^2, a = X(X'X)^-1 c, with s_g^2
    as in Winkler et al. 2014 (NeuroImage 92:381); without covariates it is Welch's t.
    Hedges' g uses the exact factor gamma(m/2) / (sqrt(m/2) gamma((m-1)/2)), m the
    residual degrees of freedom, and the residual standard deviation pooled over groups.
    F = b'C (C'(X'V^-1X)^-1 C)^-1 C'b / (q ResMS); with ``welch`` it is Winkler's G, which
    without covariates is Welch's (1951) analysis of variance.
    """
    if data.shape[0] != design.n:
        raise UserError(f"data: {data.shape[0]} rows for a design of {design.n} participants.")
    model = whitened(design, variance, group_variance)
    everybody = _geometry(np.ones((design.n, 1), bool), model)
    out = np.full((9, data.shape[1]), np.nan)
    for part in blocks(data.shape[1], _tile(design.n)):
        values = np.asarray(data[:, part], np.float64)
        measured = presence(values, design, min_group_n, min_group_share)
        out[8, part] = measured.present.sum(axis=0)
        for chosen, whole in ((measured.whole, True), (measured.partial, False)):
            if chosen.any():
                known = everybody if whole else _geometry(measured.present[:, chosen], model)
                rows = _statistics(values[:, chosen], known, model, variance == "welch")
                out[:8, np.flatnonzero(chosen) + part.start] = rows
    t, dof, effect, g, se, sd, explained, residual_dof, n = out
    z = t_to_z(t, dof) if design.q == 1 else f_to_z(t, design.q, dof)
    return GlmResult(t, z, dof, effect, g, n.astype(np.int32), se, sd, explained, residual_dof)


def hedges_factor(dof: Float | float) -> Float:
    """Compute the small-sample correction of a standardised mean difference (Hedges 1981)."""
    half = np.asarray(dof, np.float64) / 2
    return np.asarray(np.exp(special.gammaln(half) - special.gammaln(half - 0.5)) / np.sqrt(half))


def whitened(
    design: Design, variance: Variance = "equal", group_variance: dict[str, float] | None = None
) -> Model:
    """Orthonormalise a design, weighted by the variance of each group.

    Raises
    ------
    UserError
        ``spm_unequal`` without variances.
    """
    whitening = np.ones(design.n)
    if variance == "spm_unequal":
        if group_variance is None:
            raise UserError("contrast.variance=spm_unequal needs the variance of each group.")
        whitening = np.array([group_variance[g] ** -0.5 for g in design.group.tolist()])
    basis, triangle = np.linalg.qr(design.matrix * whitening[:, None])
    contrast = np.linalg.solve(triangle.T, design.contrast)
    members = tuple(np.flatnonzero(design.group == name) for name in design.groups)
    return Model(basis, contrast, whitening, members, triangle)


def _tile(rows: int) -> int:
    """Return the block size in voxels: temporaries stay near 16 MB each."""
    return max(64, min(4096, TILE_VALUES // rows))


def _geometry(present: NDArray[np.bool_], model: Model) -> _Geometry:
    basis, contrast = model.basis, model.contrast
    n, p = basis.shape
    products = (basis[:, :, None] * basis[:, None, :]).reshape(n, p * p).T
    count = present.astype(np.float64)
    gram = combine(products, count).reshape(p, p, -1)
    inverse, rank = pseudo_inverse(gram)
    direction = np.stack([combine(inverse, c[:, None]) for c in contrast.T])
    missed = [
        np.abs(combine(gram, d) - c[:, None]).max(axis=0)
        for c, d in zip(contrast.T, direction, strict=True)
    ]
    return _Geometry(
        present=present,
        inverse=inverse,
        direction=direction,
        middle=np.stack([combine(contrast.T, d) for d in direction]),
        dof=(total(count) - rank).astype(np.float64),
        estimable=np.max(missed, axis=0) < 1e-8,
    )


def _statistics(values: Float, known: _Geometry, model: Model, unequal: bool) -> Float:
    """Return rows: statistic, dof, effect, g, standard error, SD, explained variance, n - rank."""
    whitened_values = np.where(known.present, values * model.whitening[:, None], 0.0)
    estimates = combine(known.inverse, combine(model.basis.T, whitened_values))
    residuals = np.where(known.present, whitened_values - combine(model.basis, estimates), 0.0)
    effect = combine(model.contrast.T, estimates)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_square = total(residuals**2) / known.dof
        usable = known.estimable & (known.dof > 0)
        usable = usable & (mean_square > CONSTANT * total(whitened_values**2))
        squares = quadratic(effect, known.middle, usable)
        if len(effect) > 1:
            rows = _f(values, residuals, squares, mean_square, known, model, unequal, usable)
        else:
            rows = _t(residuals, effect[0], mean_square, known, model, unequal)
        rows += squares / (squares + mean_square * known.dof), known.dof
    return np.where(usable, np.stack(np.broadcast_arrays(*rows)), np.nan)


def _t(
    residuals: Float, effect: Float, mean_square: Float, known: _Geometry, model: Model,
    unequal: bool,
) -> tuple[Any, ...]:  # fmt: skip
    variance, dof = mean_square * known.middle[0, 0], known.dof
    if unequal:
        variance, dof = t_unequal(
            _moments(residuals, known, model), known.direction[0], model.basis
        )
    se, sd = np.sqrt(variance), np.sqrt(mean_square)
    return effect / se, dof, effect, effect / sd * hedges_factor(known.dof), se, sd


def _f(
    values: Float, residuals: Float, squares: Float, mean_square: Float, known: _Geometry,
    model: Model, unequal: bool, usable: NDArray[np.bool_],
) -> tuple[Any, ...]:  # fmt: skip
    if unequal:
        moments = _moments(residuals, known, model)
        f, dof = f_unequal(values, moments, model.basis, model.contrast, usable)
    else:
        f, dof = squares / (model.contrast.shape[1] * mean_square), known.dof
    nothing = np.nan
    return f, dof, nothing, nothing, nothing, np.sqrt(mean_square)


def _moments(residuals: Float, known: _Geometry, model: Model) -> Moments:
    present = np.broadcast_to(known.present, residuals.shape)
    return Moments(residuals, present, known.inverse, model.basis, model.members)
