"""Permutation tests of a contrast over blocks of voxels.

With e the unit residual of a voxel given the nuisance columns and x the unit
regressor given them, permuting residuals (Freedman & Lane 1983, Winkler et al.
2014) gives r = (Px)'e, a_j = (Pq_j)'e and t^2 = dof u / (1 - u), u = r^2 / (1 - sum a^2):
one product of a small matrix with the block instead of a fit per permutation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.exchange import Orders, PermutationPlan
from rt1t2_dask.stats.permutation_kernels import F32, I32, scan_partial, scan_tile
from rt1t2_dask.stats.presence import MIN_GROUP_N, MIN_GROUP_SHARE
from rt1t2_dask.stats.residuals import Residuals, residualise
from rt1t2_dask.stats.scores import t_to_z

Float = NDArray[np.float64]
TILE = 256
ROWS = 64
FEW_ROWS = 16
PARTIAL_ROWS = 4096
TIE = np.float32(1 - 4e-6)
NEARLY_ONE = 1 - 1e-7


@dataclass(frozen=True)
class Tails:
    """Largest z of each permutation: upward, and downward as a positive number.

    Parameters
    ----------
    positive, negative : ndarray, shape (permutation,)
        Normal deviates, at least 0.
    """

    positive: Float
    negative: Float

    @property
    def both(self) -> Float:
        """Largest absolute z."""
        return np.maximum(self.positive, self.negative)


@dataclass(frozen=True)
class BatchResult:
    """One batch on one block: the tails, and how often each voxel was reached.

    Parameters
    ----------
    tails : Tails
        Over the voxels of the block; blocks combine by maximum.
    exceed : ndarray of int32, shape (voxel,)
        Permutations whose absolute statistic was at least the observed; batches
        combine by sum.
    """

    tails: Tails
    exceed: I32


@dataclass(frozen=True)
class PreparedBlock:
    """Residuals of a block of voxels, ready for any batch.

    Parameters
    ----------
    voxels : int
        Voxels of the block, tested or not.
    residuals : Residuals
        Unit residuals and the columns to permute.
    smith : bool
        Permute the regressor in place of the residuals.
    whole_u, partial_u : ndarray of float32
        Observed signed u of the voxels where all, or only some, were measured.
    """

    voxels: int
    residuals: Residuals
    smith: bool
    whole_u: F32
    partial_u: F32

    @cached_property
    def z(self) -> Float:
        """Observed statistic as a normal deviate, shape (voxel,); NaN where not tested."""
        left = self.residuals
        z = np.full(self.voxels, np.nan)
        z[left.index] = _z(self.whole_u[: len(left.index)], left.dof)
        z[left.partial_index] = _z(self.partial_u, left.partial_dof)
        return z


def prepare(
    data: NDArray[Any],
    design: Design,
    plan: PermutationPlan,
    *,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
) -> PreparedBlock:
    """Take the nuisance columns out of a block once.

    Parameters
    ----------
    data : ndarray, shape (participant, voxel)
        Rows as the design's; NaN where not measured.
    design : Design
        The model; equal variances are assumed.
    plan : PermutationPlan
        Its method is prepared for.
    min_group_n, min_group_share
        As in :func:`rt1t2_dask.stats.glm.fit`.
    """
    left = residualise(data, design, TILE, min_group_n, min_group_share)
    smith = plan.method == "smith"
    identity = np.arange(design.n, dtype=np.int16)[None]
    whole = _whole_scores(left, identity, smith)
    partial = partial_scores(left, slice(None), identity, smith)[:, 0]
    return PreparedBlock(data.shape[1], left, smith, whole, partial)


def observed_tails(block: PreparedBlock) -> Tails:
    """Largest observed z of a block in each direction, shape (1,)."""
    z = np.append(np.nan_to_num(block.z), 0.0)
    return Tails(np.array([z.max()]), np.array([-z.min()]))


def run_batch(block: PreparedBlock, plan: PermutationPlan, batch: int) -> BatchResult:
    """Run one batch of permutations on one block.

    Parameters
    ----------
    block : PreparedBlock
        From :func:`prepare`.
    plan : PermutationPlan
        Which orders belong to the batch.
    batch : int
        0 to ``plan.n_batches - 1``.

    Returns
    -------
    BatchResult
        The same bits however voxels are blocked and permutations batched.
    """
    orders = plan.orders(batch)
    exceed = np.zeros(block.voxels, np.int32)
    whole, exceed[block.residuals.index] = _scan_whole(block, orders)
    partial, exceed[block.residuals.partial_index] = _scan_partial(block, orders)
    return BatchResult(merge_blocks([whole, partial]), exceed)


def merge_blocks(tails: list[Tails]) -> Tails:
    """Tails over the voxels of several blocks, of the same permutations."""
    return Tails(
        np.maximum.reduce([t.positive for t in tails]),
        np.maximum.reduce([t.negative for t in tails]),
    )


def merge_batches(tails: list[Tails]) -> Tails:
    """Tails of several batches, in their order."""
    return Tails(
        np.concatenate([t.positive for t in tails]), np.concatenate([t.negative for t in tails])
    )


def _z(signed_u: F32, dof: float | Float) -> Float:
    u = np.minimum(np.abs(signed_u.astype(np.float64)), NEARLY_ONE)
    return t_to_z(np.copysign(np.sqrt(dof * u / (1 - u)), signed_u), dof)


def permuted_weights(left: Residuals, orders: Orders, smith: bool, multiple: int = ROWS) -> F32:
    """Rows to multiply residuals with, shape (permutation padded, column, participant)."""
    permuted = np.moveaxis(left.columns[:, orders], 0, 1)
    if smith:
        regressor = permuted[:, 0] - (permuted[:, 0] @ left.columns[1:].T) @ left.columns[1:]
        permuted = (regressor / np.linalg.norm(regressor, axis=1, keepdims=True))[:, None]
    rows = -(-len(orders) // multiple) * multiple
    out = np.zeros((rows, *permuted.shape[1:]), np.float32)
    out[: len(orders)] = permuted
    return out


def _whole_scores(left: Residuals, identity: Orders, smith: bool) -> F32:
    """Signed u of one order at every padded voxel."""
    weights = permuted_weights(left, identity, smith, FEW_ROWS)
    columns = weights.shape[1]
    scores = np.empty((columns, left.whole.shape[1]), np.float32)
    for start in range(0, left.whole.shape[1], TILE):
        tile = np.ascontiguousarray(left.whole[:, start : start + TILE])
        scores[:, start : start + TILE] = (weights.reshape(FEW_ROWS * columns, -1) @ tile)[:columns]
    remaining = 1 - np.sum(scores[1:] ** 2, axis=0, dtype=np.float32)
    return np.asarray(scores[0] * np.abs(scores[0]) / remaining, np.float32)


def _scan_whole(block: PreparedBlock, orders: Orders) -> tuple[Tails, I32]:
    left = block.residuals
    weights = permuted_weights(left, orders, block.smith)
    columns = weights.shape[1]
    padding = left.whole.shape[1] - len(left.index)
    bar = np.pad(np.abs(block.whole_u[: len(left.index)]) * TIE, (0, padding), constant_values=9)
    highest, lowest = np.zeros((2, len(weights)), np.float32)
    exceed = np.zeros(left.whole.shape[1], np.int32)
    scores = np.empty((ROWS * columns, TILE), np.float32)
    for start in range(0, left.whole.shape[1], TILE):
        voxels = slice(start, start + TILE)
        tile = np.ascontiguousarray(left.whole[:, voxels])
        for row in range(0, len(weights), ROWS):
            rows = slice(row, row + ROWS)
            np.dot(weights[rows].reshape(ROWS * columns, -1), tile, out=scores)
            scan_tile(scores, columns, bar[voxels], highest[rows], lowest[rows], exceed[voxels])
    n = len(orders)
    tails = Tails(_z(highest[:n], left.dof), _z(lowest[:n], left.dof))
    return tails, exceed[: len(left.index)]


def partial_scores(left: Residuals, voxels: slice, orders: Orders, smith: bool) -> F32:
    """Signed u of voxels that miss participants, shape (voxel, permutation)."""
    residuals = left.partial[voxels]
    scores = np.empty((len(residuals), len(orders)), np.float32)
    columns, present = left.partial_columns[voxels], left.partial_present[voxels]
    scan_partial(residuals, columns, present, orders, smith, scores)
    return scores


def _scan_partial(block: PreparedBlock, orders: Orders) -> tuple[Tails, I32]:
    left = block.residuals
    zero = np.zeros(len(orders))
    tails, exceed = [Tails(zero, zero)], np.zeros(len(left.partial), np.int32)
    for start in range(0, len(left.partial), PARTIAL_ROWS):
        voxels = slice(start, start + PARTIAL_ROWS)
        scores = partial_scores(left, voxels, orders, block.smith)
        threshold = np.abs(block.partial_u[voxels]) * TIE
        exceed[voxels] = np.sum(np.abs(scores) >= threshold[:, None], axis=1)
        dof = left.partial_dof[voxels]
        for value in np.unique(dof).tolist():
            of_value = scores[dof == value]
            high, low = of_value.max(axis=0), -of_value.min(axis=0)
            tails.append(Tails(_z(np.maximum(high, 0), value), _z(np.maximum(low, 0), value)))
    return merge_blocks(tails), exceed
