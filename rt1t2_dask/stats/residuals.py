"""Unit residuals of a block and the orthonormal columns a permutation test permutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.columns import blocks, combine, total
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.permutation_kernels import take_out
from rt1t2_dask.stats.presence import Presence, presence

Float = NDArray[np.float64]
F32 = NDArray[np.float32]
DEGENERATE = 1e-10
CONSTANT = 1e-20


@dataclass(frozen=True)
class Residuals:
    """A block of voxels with the nuisance columns taken out.

    Parameters
    ----------
    columns : ndarray, shape (1 + nuisance, participant)
        Unit regressor of the contrast, then orthonormal nuisance columns; the
        constant is left out, as permuting it changes nothing.
    dof : float
        Residual degrees of freedom where nobody is missing.
    whole : ndarray of float32, shape (participant, voxel padded)
        Unit residuals; padding is 0.
    index : ndarray of int
        Voxel of each column of ``whole``.
    partial : ndarray of float32, shape (voxel, participant)
        Unit residuals where somebody is missing, 0 for the missing.
    partial_columns : ndarray of float32, shape (voxel, 1 + nuisance, participant)
        As ``columns``, orthonormal over those present.
    partial_present : ndarray of bool, shape (voxel, participant)
        Who was measured.
    partial_dof : ndarray
        Residual degrees of freedom.
    partial_index : ndarray of int
        Voxel of each row of ``partial``.
    """

    columns: Float
    dof: float
    whole: F32
    index: NDArray[np.intp]
    partial: F32
    partial_columns: F32
    partial_present: NDArray[np.bool_]
    partial_dof: Float
    partial_index: NDArray[np.intp]


@dataclass(frozen=True)
class _Piece:
    """Usable voxels of a block that miss participants."""

    residuals: F32
    columns: F32
    dof: Float
    present: NDArray[np.bool_]
    index: NDArray[np.intp]


def residualise(
    data: NDArray[Any],
    design: Design,
    tile: int,
    min_group_n: int,
    min_group_share: float,
) -> Residuals:
    """Take the nuisance columns out of every voxel and scale what is left to length 1.

    Parameters
    ----------
    data : ndarray, shape (participant, voxel)
        NaN where not measured.
    design : Design
        Model and contrast.
    tile : int
        ``whole`` is padded to a multiple of this.
    min_group_n, min_group_share
        As in :func:`rt1t2_dask.stats.presence.presence`.
    """
    columns, constant = contrast_partition(design)
    whole = np.zeros((design.n, -(-data.shape[1] // tile) * tile), np.float32)
    index, count = [], 0
    partial: list[_Piece] = []
    for part in blocks(data.shape[1]):
        values = np.array(data[:, part], np.float64)
        who = presence(values, design, min_group_n, min_group_share)
        if who.partial.any() or not partial:
            partial.append(_piece(values, who, columns, constant, part.start))
        share = np.empty(values.shape[1])
        take_out(values, columns[:-1], share)
        usable = np.flatnonzero(who.whole & (share > CONSTANT))
        whole[:, count : count + len(usable)] = values[:, usable]
        count += len(usable)
        index.append(usable + part.start)
    return Residuals(
        columns=_for_statistic(columns, constant),
        dof=float(design.dof),
        whole=whole[:, : -(-count // tile) * tile],
        index=np.concatenate(index),
        partial=np.concatenate([p.residuals for p in partial], axis=1).T.copy(),
        partial_columns=np.concatenate([np.moveaxis(p.columns, -1, 0) for p in partial]),
        partial_present=np.concatenate([p.present for p in partial], axis=1).T.copy(),
        partial_dof=np.concatenate([p.dof for p in partial]),
        partial_index=np.concatenate([p.index for p in partial]),
    )


def contrast_partition(design: Design) -> tuple[Float, bool]:
    """Nuisance columns, then the regressor whose t is the contrast's.

    Returns
    -------
    columns : ndarray, shape (column, participant)
        Nuisance first, the constant foremost if the nuisance holds it.
    constant : bool
        Whether it does.

    Notes
    -----
    x = X (X'X)^-1 c / (c'(X'X)^-1 c), Z = X null(c') (Winkler et al. 2014, appendix A).
    """
    matrix, contrast = design.matrix, design.vector
    direction = np.linalg.solve(matrix.T @ matrix, contrast)
    regressor = matrix @ direction / (contrast @ direction)
    null = np.linalg.svd(contrast[None])[2][1:]
    nuisance = null @ matrix.T
    ones = np.ones(design.n)
    missed = ones - nuisance.T @ np.linalg.lstsq(nuisance.T, ones, rcond=None)[0]
    constant = bool(np.linalg.norm(missed) < 1e-8 * np.sqrt(design.n)) if len(nuisance) else False
    if constant:
        nuisance = np.vstack([ones, nuisance])
    basis, _ = _orthonormal(np.vstack([nuisance, regressor])[:, :, None])
    kept = np.linalg.norm(basis[:, :, 0], axis=1) > 0
    return basis[kept, :, 0], constant


def _orthonormal(columns: Float) -> tuple[Float, NDArray[np.int64]]:
    """Gram-Schmidt over the first axis, shape (column, participant, voxel); the rank.

    A column the ones before it contain becomes 0.
    """
    out = np.zeros_like(columns)
    for k in range(len(columns)):
        left = columns[k].copy()
        size = total(left**2)
        for _ in range(2):
            for j in range(k):
                left -= total(left * out[j]) * out[j]
        square = total(left**2)
        scale = np.where(square > DEGENERATE * size, square, np.inf) ** -0.5
        out[k] = left * scale
    return out, (total(np.moveaxis(out**2, 1, 0)) > 0.5).sum(axis=0)


def _for_statistic(columns: Float, constant: bool) -> Float:
    nuisance = columns[int(constant) : -1]
    return np.concatenate([columns[-1:], nuisance])


def _unit_residuals(values: Float, columns: Float) -> tuple[Float, NDArray[np.bool_]]:
    """Residuals given all columns but the last, of length 1, of voxels that vary; which do."""
    nuisance = columns[:-1]
    left = values - combine(np.swapaxes(nuisance, 0, 1), combine(nuisance, values))
    square = total(left**2)
    usable = square > CONSTANT * total(values**2)
    return left[:, usable] / np.sqrt(square[usable]), usable


def _piece(values: Float, who: Presence, columns: Float, constant: bool, offset: int) -> _Piece:
    present = who.present[:, who.partial]
    own, rank = _orthonormal(columns[:, :, None] * present)
    dof = (total(present.astype(np.float64)) - rank).astype(np.float64)
    testable = (total(own[-1] ** 2) > 0.5) & (dof > 0)
    unit, varies = _unit_residuals(
        np.where(present, values[:, who.partial], 0.0)[:, testable], own[:, :, testable]
    )
    usable = np.flatnonzero(testable)[varies]
    return _Piece(
        residuals=(unit * present[:, usable]).astype(np.float32),
        columns=_for_statistic(own, constant)[:, :, usable].astype(np.float32),
        dof=dof[usable],
        present=present[:, usable],
        index=np.flatnonzero(who.partial)[usable] + offset,
    )
