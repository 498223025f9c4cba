"""Unit residuals of a block and the orthonormal columns of a permutation test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.design import Design, group_dof
from rt1t2_dask.stats.glm.columns import blocks, combine, orthonormal, total
from rt1t2_dask.stats.glm.presence import presence
from rt1t2_dask.stats.glm.unequal import LEAST_GROUP_DOF
from rt1t2_dask.stats.permutation.kernels import WIDTH
from rt1t2_dask.stats.permutation.projection_kernels import project, take_out

Float = NDArray[np.float64]
F32 = NDArray[np.float32]
CONSTANT = 1e-20
FEW_PARTICIPANTS = 64


@dataclass(frozen=True)
class Residuals:
    """A block of voxels with the nuisance columns regressed out.

    Parameters
    ----------
    columns : ndarray, shape (regressors + nuisance, participant)
        Orthonormal: regressors of the contrast, then nuisance columns; the constant
        is left out where relabelings leave it as it is.
    regressors : int
        Rank of the contrast.
    basis : ndarray, shape (term, participant)
        ``whole`` holds coordinates along its rows.
    dof : float
        Residual degrees of freedom without missing data.
    whole : ndarray of float32, shape (tile, term, WIDTH)
        Unit residuals; padding is 0.
    index : ndarray of int
        Voxel of each column of ``whole``.
    partial : ndarray of float32, shape (voxel, participant)
        Unit residuals of voxels with missing participants, 0 for the missing.
    partial_columns : ndarray of float32, shape (voxel, regressors + nuisance, participant)
        As ``columns``, orthonormal over those present.
    partial_present : ndarray of bool, shape (voxel, participant)
        Who was measured.
    partial_dof : ndarray
        Residual degrees of freedom.
    partial_index : ndarray of int
        Voxel of each row of ``partial``.
    group : ndarray of int, shape (participant,)
        Variance group of each row of the design.
    separate : bool
        Each group has a variance of its own: participants are kept apart in ``whole``, and
        shares are given at ``dof`` everywhere.
    """

    columns: Float
    regressors: int
    basis: Float
    dof: float
    whole: F32
    index: NDArray[np.intp]
    partial: F32
    partial_columns: F32
    partial_present: NDArray[np.bool_]
    partial_dof: Float
    partial_index: NDArray[np.intp]
    group: NDArray[np.intp]
    separate: bool


@dataclass(frozen=True)
class _Piece:
    """Testable voxels of a block with missing participants."""

    residuals: F32
    columns: F32
    dof: Float
    present: NDArray[np.bool_]
    index: NDArray[np.intp]


def residualise(
    data: NDArray[Any],
    design: Design,
    min_group_n: int,
    min_group_share: float,
    signs: bool,
    separate: bool = False,
    covariates: NDArray[Any] | None = None,
) -> Residuals:
    """Regress the nuisance columns out of every voxel and scale the residuals to length 1.

    Parameters
    ----------
    data : ndarray, shape (participant, voxel)
        NaN where not measured.
    design : Design
        Model and contrast.
    min_group_n, min_group_share
        As in :func:`rt1t2_dask.stats.glm.presence.presence`.
    signs : bool
        Signs will be flipped: the constant is a nuisance column like any other.
    separate : bool
        Each group of the design has its own variance.
    covariates : ndarray, shape (covariate, participant, voxel), optional
        Nuisance columns of each voxel's own: every voxel is then among the ``partial``.
    """
    nuisance, regressors, constant = contrast_partition(design)
    columns = np.concatenate([nuisance, regressors])
    unmoved = int(constant and not signs and not separate)
    if covariates is not None:
        data = np.where(np.isfinite(covariates).all(axis=0), data, np.nan)
    complete = np.isfinite(_sums(data)) & (covariates is None)
    tested = _testable(data, design, len(regressors)) if separate else np.ones_like(complete)
    basis = np.eye(design.n) if separate else _basis(nuisance, design.n)
    whole, index = _project(data, np.flatnonzero(complete & tested), nuisance, basis)
    rule = min_group_n, min_group_share
    spoilt = [part for part in blocks(data.shape[1]) if not complete[part].all()] or [slice(0, 0)]
    held = np.empty((0, *data.shape)) if covariates is None else covariates
    pieces = [
        _piece(data[:, p], held[:, :, p], design, rule, columns, len(nuisance), tested[p], separate)
        for p in spoilt
    ]
    nominal, last = float(design.dof - len(held)), len(nuisance) + len(held)
    order = np.r_[last : last + len(regressors), unmoved:last]
    return Residuals(
        columns=np.concatenate([regressors, nuisance[unmoved:]]),
        regressors=len(regressors),
        basis=basis,
        dof=nominal,
        whole=whole,
        index=index,
        partial=np.concatenate([p.residuals for p in pieces], axis=1).T.copy(),
        partial_columns=np.concatenate([np.moveaxis(p.columns[order], -1, 0) for p in pieces]),
        partial_present=np.concatenate([p.present for p in pieces], axis=1).T.copy(),
        partial_dof=np.concatenate(
            [np.full_like(p.dof, nominal) if separate else p.dof for p in pieces]
        ),
        partial_index=np.concatenate(
            [p.index + part.start for p, part in zip(pieces, spoilt, strict=True)]
        ),
        group=np.array([design.groups.index(name) for name in design.group.tolist()], np.intp),
        separate=separate,
    )


def contrast_partition(design: Design) -> tuple[Float, Float, bool]:
    """Partition a model into nuisance columns and the regressors that the contrast tests.

    Returns
    -------
    nuisance : ndarray, shape (column, participant)
        Orthonormal; the constant foremost if they span it.
    regressors : ndarray, shape (q, participant)
        Orthonormal, and to the nuisance.
    constant : bool
        Whether the nuisance spans the constant.

    Notes
    -----
    X (X'X)^-1 C and X null(C') (Winkler et al. 2014, appendix A).
    """
    matrix, contrast = design.matrix, design.contrast
    tested = (matrix @ np.linalg.solve(matrix.T @ matrix, contrast)).T
    nuisance = np.linalg.svd(contrast.T)[2][contrast.shape[1] :] @ matrix.T
    ones = np.ones(design.n)
    missed = ones - nuisance.T @ np.linalg.lstsq(nuisance.T, ones, rcond=None)[0]
    constant = bool(np.linalg.norm(missed) < 1e-8 * np.sqrt(design.n)) if len(nuisance) else False
    if constant:
        nuisance = np.vstack([ones, nuisance])
    basis = orthonormal(np.vstack([nuisance, tested])[:, :, None])[0][:, :, 0]
    kept = np.linalg.norm(basis, axis=1) > 0
    kept_nuisance = np.flatnonzero(kept[: len(nuisance)])
    return basis[kept_nuisance], basis[len(nuisance) :], constant


def _sums(data: NDArray[Any]) -> NDArray[Any]:
    """Sum over participants: finite where none is missing."""
    out = np.zeros(data.shape[1], data.dtype)
    for row in data:
        out += row
    return out


def _basis(nuisance: Float, n: int) -> Float:
    """Return rows that span the complement of the nuisance; the identity for many participants."""
    if n > FEW_PARTICIPANTS or not len(nuisance):
        return np.eye(n)
    return np.asarray(np.linalg.svd(nuisance)[2][len(nuisance) :])


def _project(
    data: NDArray[Any], index: NDArray[np.intp], nuisance: Float, basis: Float
) -> tuple[F32, NDArray[np.intp]]:
    """Return unit residuals of voxels that vary, in tiles, and which those are."""
    share = np.empty(len(index))
    whole = np.zeros((-(-len(index) // WIDTH), len(basis), WIDTH), np.float32)
    if len(basis) < data.shape[0] or not len(nuisance):
        project(data, index, basis, whole, share)
    else:
        take_out(data, index, nuisance, whole, share)
    varies = share > CONSTANT
    if varies.all():
        return whole, index
    return _project(data, index[varies], nuisance, basis)


def _unit_residuals(values: Float, nuisance: Float) -> tuple[Float, NDArray[np.bool_]]:
    """Return unit residuals given orthonormal columns, and which voxels vary."""
    left = values - combine(np.swapaxes(nuisance, 0, 1), combine(nuisance, values))
    square = total(left**2)
    usable = square > CONSTANT * total(values**2)
    return left[:, usable] / np.sqrt(square[usable]), usable


def _piece(
    data: NDArray[Any], covariates: NDArray[Any], design: Design, rule: tuple[int, float],
    columns: Float, nuisance: int, tested: NDArray[np.bool_], separate: bool,
) -> _Piece:  # fmt: skip
    values = np.asarray(data, np.float64)
    seen = presence(values, design, *rule)
    chosen = seen.partial | seen.whole if len(covariates) else seen.partial
    present = seen.present[:, chosen]
    common = columns[:, :, None] * present
    held = np.where(present, covariates[:, :, chosen], 0.0)
    own, rank = orthonormal(np.concatenate([common[:nuisance], held, common[nuisance:]]))
    nuisance += len(held)
    dof = (total(present.astype(np.float64)) - rank).astype(np.float64)
    testable = (total(np.moveaxis(own[nuisance:] ** 2, 1, 0)) > 0.5).all(axis=0) & (dof > 0)
    if separate:
        testable &= tested[chosen] & _enough_in_groups(present - total(own**2), design)
    unit, varies = _unit_residuals(
        np.where(present, values[:, chosen], 0.0)[:, testable],
        own[:nuisance, :, testable],
    )
    usable = np.flatnonzero(testable)[varies]
    return _Piece(
        residuals=(unit * present[:, usable]).astype(np.float32),
        columns=own[:, :, usable].astype(np.float32),
        dof=dof[usable],
        present=present[:, usable],
        index=np.flatnonzero(chosen)[usable],
    )


def _testable(data: NDArray[Any], design: Design, q: int) -> NDArray[np.bool_]:
    """Return the voxels whose groups can each have a variance; an F needs them to vary."""
    whole = np.ones(data.shape[1], np.bool_)
    if group_dof(design).min() < LEAST_GROUP_DOF:
        return ~whole
    if q > 1:
        for name in design.groups:
            own = data[design.group == name]
            whole &= np.fmax.reduce(own) > np.fmin.reduce(own)
    return whole


def _enough_in_groups(rest: Float, design: Design) -> NDArray[np.bool_]:
    """Return where every group has residual degrees of freedom; one minus leverage by row."""
    of_groups = [total(rest[design.group == name]) for name in design.groups]
    return np.asarray(np.min(of_groups, axis=0) >= LEAST_GROUP_DOF)
