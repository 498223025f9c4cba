"""The linear model at every voxel, with whoever was measured there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.columns import blocks, combine, pseudo_inverse, total
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.presence import MIN_GROUP_N, MIN_GROUP_SHARE, presence
from rt1t2_dask.stats.scores import t_to_z

Float = NDArray[np.float64]
Variance = Literal["equal", "welch", "spm_unequal"]
CONSTANT = 1e-20


@dataclass(frozen=True)
class GlmResult:
    """One contrast at every voxel; NaN where too few were measured.

    Parameters
    ----------
    t, z : ndarray, shape (voxel,)
        Statistic, and the normal deviate with the same one-sided p.
    dof : ndarray, shape (voxel,)
        Residual degrees of freedom.
    effect : ndarray, shape (voxel,)
        Contrast of the estimates in the data's unit (difference of adjusted means).
    hedges_g : ndarray, shape (voxel,)
        Effect over the residual standard deviation, corrected for small samples.
    n : ndarray of int, shape (voxel,)
        Participants measured.
    """

    t: Float
    z: Float
    dof: Float
    effect: Float
    hedges_g: Float
    n: NDArray[np.int32]


@dataclass(frozen=True)
class _Model:
    """Whitened design in an orthonormal basis, with the contrast in that basis."""

    basis: Float
    contrast: Float
    whitening: Float
    members: tuple[NDArray[np.intp], ...]


@dataclass(frozen=True)
class _Solution:
    residuals: Float
    power: Float
    effect: Float
    projector: Float
    leverage: Float
    present: NDArray[np.bool_]
    rank: NDArray[np.intp]
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
    """Student's t of the design's contrast at every voxel.

    Parameters
    ----------
    data : ndarray, shape (participant, voxel)
        Rows as the design's; NaN where not measured.
    design : Design
        The model; voxels with missing participants use its rows that are there.
    variance : {"equal", "welch", "spm_unequal"}
        One residual variance; one a group, with Welch-Satterthwaite degrees of
        freedom; or one a group in the fixed ratio ``group_variance``.
    group_variance : dict, optional
        Relative variance of each group from :func:`rt1t2_dask.stats.reml.group_variances`;
        needed by ``spm_unequal``.
    min_group_n, min_group_share
        A voxel needs this many participants and this share of each group (all
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
    """
    if data.shape[0] != design.n:
        raise UserError(f"data: {data.shape[0]} rows for a design of {design.n} participants.")
    model = _model(design, variance, group_variance)
    out = np.full((5, data.shape[1]), np.nan)
    for part in blocks(data.shape[1]):
        values = np.asarray(data[:, part], np.float64)
        who = presence(values, design, min_group_n, min_group_share)
        out[4, part] = who.present.sum(axis=0)
        everybody = np.ones((design.n, 1), bool)
        for chosen, mask in ((who.whole, everybody), (who.partial, who.present[:, who.partial])):
            if chosen.any():
                solution = _solve(values[:, chosen], mask, model)
                statistics = _statistics(solution, model, variance == "welch")
                out[:4, np.flatnonzero(chosen) + part.start] = statistics
    t, dof, effect, g, n = out
    return GlmResult(t, t_to_z(t, dof), dof, effect, g, n.astype(np.int32))


def standardised_residuals(
    data: NDArray[Any], design: Design, *, group_variance: dict[str, float] | None = None
) -> Iterator[Float]:
    """Residuals over their standard deviation, one participant at a time.

    Parameters
    ----------
    data : ndarray, shape (participant, voxel)
        Voxels where somebody is missing give NaN.
    design, group_variance
        As in :func:`fit`.

    Yields
    ------
    ndarray, shape (voxel,)
        What SPM12 estimates smoothness from.
    """
    model = _model(design, "spm_unequal" if group_variance else "equal", group_variance)
    estimates = np.full((model.basis.shape[1], data.shape[1]), np.nan)
    deviation = np.full(data.shape[1], np.nan)
    for part in blocks(data.shape[1]):
        values = np.asarray(data[:, part], np.float64) * model.whitening[:, None]
        estimates[:, part] = combine(model.basis.T, values)
        residuals = values - combine(model.basis, estimates[:, part])
        deviation[part] = np.sqrt(total(residuals**2) / design.dof)
    deviation[deviation == 0] = np.nan
    for row, basis, weight in zip(data, model.basis, model.whitening, strict=True):
        fitted = combine(basis[None], estimates)[0]
        yield (np.asarray(row, np.float64) * weight - fitted) / deviation


def hedges_factor(dof: Float | float) -> Float:
    """Small-sample correction of a standardised mean difference (Hedges 1981)."""
    half = np.asarray(dof, np.float64) / 2
    return np.asarray(np.exp(special.gammaln(half) - special.gammaln(half - 0.5)) / np.sqrt(half))


def _model(design: Design, variance: Variance, group_variance: dict[str, float] | None) -> _Model:
    whitening = np.ones(design.n)
    if variance == "spm_unequal":
        if group_variance is None:
            raise UserError("contrast.variance=spm_unequal needs the variance of each group.")
        whitening = np.array([group_variance[g] ** -0.5 for g in design.group.tolist()])
    basis, triangle = np.linalg.qr(design.matrix * whitening[:, None])
    contrast = np.linalg.solve(triangle.T, design.vector)
    members = tuple(np.flatnonzero(design.group == name) for name in design.groups)
    return _Model(basis, contrast, whitening, members)


def _solve(values: Float, present: NDArray[np.bool_], model: _Model) -> _Solution:
    basis, contrast = model.basis, model.contrast[:, None]
    n, p = basis.shape
    products = (basis[:, :, None] * basis[:, None, :]).reshape(n, p * p).T
    gram = combine(products, present.astype(np.float64)).reshape(p, p, -1)
    inverse, rank = pseudo_inverse(gram)
    whitened = np.where(present, values * model.whitening[:, None], 0.0)
    estimates = combine(inverse, combine(basis.T, whitened))
    direction = combine(inverse, contrast)
    projector = combine(basis, direction) * present
    leverage = np.stack([total(combine(inverse, row[:, None]) * row[:, None]) for row in basis])
    reached = combine(gram, direction)
    return _Solution(
        residuals=np.where(present, whitened - combine(basis, estimates), 0.0),
        power=total(whitened**2),
        effect=combine(contrast.T, estimates)[0],
        projector=projector,
        leverage=leverage * present,
        present=present,
        rank=rank,
        estimable=np.abs(reached - contrast).max(axis=0) < 1e-8,
    )


def _statistics(solution: _Solution, model: _Model, welch: bool) -> Float:
    residual_dof = (total(solution.present.astype(np.float64)) - solution.rank).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_square = total(solution.residuals**2) / residual_dof
        variance, dof = mean_square * total(solution.projector**2), residual_dof
        if welch:
            variance, dof = _welch(solution, model)
        t = solution.effect / np.sqrt(variance)
        g = solution.effect / np.sqrt(mean_square) * hedges_factor(residual_dof)
    varies = mean_square > CONSTANT * solution.power
    usable = solution.estimable & (residual_dof > 0) & varies
    stacked = np.stack(np.broadcast_arrays(t, dof, solution.effect, g))
    return np.where(usable, stacked, np.nan)


def _welch(solution: _Solution, model: _Model) -> tuple[Float, Float]:
    variance: Any = 0.0
    spread: Any = 0.0
    for rows in model.members:
        dof = total(solution.present[rows] - solution.leverage[rows])
        part = total(solution.residuals[rows] ** 2) / dof * total(solution.projector[rows] ** 2)
        variance, spread = variance + part, spread + part**2 / dof
    return variance, variance**2 / spread
