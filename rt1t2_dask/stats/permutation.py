"""Permutation tests of a contrast over blocks of voxels.

With e the unit residual of a voxel given the nuisance columns and x the unit
regressors given them, permuting residuals (Freedman & Lane 1983, Winkler et al.
2014) gives r = (Px)'e, a_j = (Pq_j)'e and the explained share u = sum r^2 / (1 - sum a^2):
one product of a small matrix with the block instead of a fit per permutation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.exchange import Orders, PermutationPlan
from rt1t2_dask.stats.permutation_kernels import F32, I32, WIDTH, scan
from rt1t2_dask.stats.permuted import columns_of, partial_shares, permuted_weights, whole_shares
from rt1t2_dask.stats.presence import MIN_GROUP_N, MIN_GROUP_SHARE
from rt1t2_dask.stats.residuals import Residuals, residualise
from rt1t2_dask.stats.shares import comparable, height_share, share_to_statistic, share_to_z
from rt1t2_dask.stats.tails import Tails, merge_blocks

Float = NDArray[np.float64]
PARTIAL_ROWS = 4096
TIE = np.float32(1 - 4e-6)
NEVER = 9.0
ROOM_TILES = 64


@dataclass(frozen=True)
class Above:
    """Voxels above a height in each permutation.

    Parameters
    ----------
    permutation : ndarray of int16, ascending
        Row of the batch.
    voxel : ndarray of int32
        Of the block.
    value : ndarray of float32
        t, or F, of equal p at full freedom.
    """

    permutation: NDArray[np.int16]
    voxel: I32
    value: F32


EMPTY = Above(np.empty(0, np.int16), np.empty(0, np.int32), np.empty(0, np.float32))


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
    above : Above
        Voxels over the height that was asked for.
    """

    tails: Tails
    exceed: I32
    above: Above


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
        z[left.index] = share_to_z(self.whole_u, left.regressors, left.dof)
        z[left.partial_index] = share_to_z(self.partial_u, left.regressors, left.partial_dof)
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
    data : ndarray, shape (observation, voxel)
        Rows as the design's; NaN where not measured.
    design : Design
        The model; equal variances are assumed.
    plan : PermutationPlan
        Its method is prepared for.
    min_group_n, min_group_share
        As in :func:`rt1t2_dask.stats.glm.fit`.
    """
    smith = plan.method == "smith"
    left = residualise(data, design, min_group_n, min_group_share, plan.exchange != "order")
    as_it_is = np.arange(design.n, dtype=np.int16)[None]
    whole = whole_shares(left, as_it_is, smith)[0, : len(left.index)]
    partial = partial_shares(left, slice(None), as_it_is, smith)[:, 0]
    return PreparedBlock(data.shape[1], left, smith, whole, partial)


def observed_tails(block: PreparedBlock) -> Tails:
    """Largest observed z of a block in each direction, shape (1,)."""
    z = np.append(np.nan_to_num(block.z), 0.0)
    return Tails(np.array([z.max()]), np.array([-z.min()]))


def identity(block: PreparedBlock) -> Orders:
    """Give the relabeling that changes nothing, shape (1, participant)."""
    return np.arange(block.residuals.columns.shape[1], dtype=np.int16)[None]


def run_batch(
    block: PreparedBlock, plan: PermutationPlan, batch: int, height: float | None = None
) -> BatchResult:
    """Run one batch of permutations on one block.

    Parameters
    ----------
    block : PreparedBlock
        From :func:`prepare`.
    plan : PermutationPlan
        Which orders belong to the batch.
    batch : int
        0 to ``plan.n_batches - 1``.
    height : float, optional
        p of the height above which voxels are wanted for clusters, one-sided for t.

    Returns
    -------
    BatchResult
        The same bits however voxels are blocked and permutations batched.
    """
    return run_orders(block, plan.orders(batch), height)


def run_orders(block: PreparedBlock, orders: Orders, height: float | None = None) -> BatchResult:
    """Run given relabelings on one block; see :func:`run_batch`."""
    exceed = np.zeros(block.voxels, np.int32)
    whole, exceed[block.residuals.index], above = _scan_whole(block, orders, height)
    partial, exceed[block.residuals.partial_index], more = _scan_partial(block, orders, height)
    return BatchResult(merge_blocks([whole, partial]), exceed, join([above, *more]))


def _scan_whole(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, Above]:
    left = block.residuals
    count, used, padded = len(orders), len(left.index), left.whole.shape[0] * WIDTH
    bar = np.full(padded, NEVER, np.float32)
    bar[:used] = np.abs(block.whole_u) * TIE
    highest, lowest = np.zeros((2, count), np.float32)
    exceed = np.zeros(padded, np.int32)
    share = NEVER if height is None else height_share(height, left.regressors, left.dof)
    room = 0 if height is None else count * WIDTH * ROOM_TILES
    tile, kept = 0, [EMPTY]
    weights = permuted_weights(left, orders, block.smith)
    while tile < len(left.whole):
        row, place, peak = (
            np.empty(room, np.int16),
            np.empty(room, np.int32),
            np.empty(room, np.float32),
        )
        tile, found = scan(
            left.whole, weights, count, *columns_of(left, block.smith), bar.reshape(-1, WIDTH),
            highest, lowest, exceed.reshape(-1, WIDTH), share, tile, row, place, peak,
        )  # fmt: skip
        value = share_to_statistic(peak[:found], left.regressors, left.dof)
        voxel = left.index[place[:found]].astype(np.int32)
        kept.append(Above(row[:found], voxel, value.astype(np.float32)))
    tails = Tails(*(share_to_z(u, left.regressors, left.dof) for u in (highest, lowest)))
    return tails, exceed[:used], join(kept)


def _scan_partial(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, list[Above]]:
    left, q = block.residuals, block.residuals.regressors
    zero = np.zeros(len(orders))
    tails, exceed = [Tails(zero, zero)], np.zeros(len(left.partial), np.int32)
    above = []
    for start in range(0, len(left.partial), PARTIAL_ROWS):
        voxels = slice(start, start + PARTIAL_ROWS)
        shares = partial_shares(left, voxels, orders, block.smith)
        threshold = np.abs(block.partial_u[voxels]) * TIE
        exceed[voxels] = np.sum(np.abs(shares) >= threshold[:, None], axis=1)
        for value in np.unique(left.partial_dof[voxels]).tolist():
            rows = start + np.flatnonzero(left.partial_dof[voxels] == value)
            of_value = shares[rows - start]
            ends = np.maximum(of_value.max(axis=0), 0), np.maximum(-of_value.min(axis=0), 0)
            tails.append(Tails(*(share_to_z(u, q, value) for u in ends)))
            if height is not None:
                above.append(_above_of_dof(left, rows, of_value, value, height))
    return merge_blocks(tails), exceed, above


def _above_of_dof(
    left: Residuals, rows: NDArray[np.intp], shares: F32, dof: float, height: float
) -> Above:
    """Voxels above a height among those with the same degrees of freedom."""
    tall = np.abs(shares) > np.float32(height_share(height, left.regressors, dof))
    permutation, row = np.nonzero(tall.T)
    found = shares[row, permutation]
    value = comparable(found, left.regressors, np.full(len(found), dof), left.dof)
    return Above(
        permutation.astype(np.int16), left.partial_index[rows[row]].astype(np.int32), value
    )


def join(parts: Sequence[Above]) -> Above:
    """Voxels above a height in several blocks, or of several kinds."""
    permutation = np.concatenate([p.permutation for p in parts])
    order = np.argsort(permutation, kind="stable")
    return Above(
        permutation[order],
        np.concatenate([p.voxel for p in parts])[order],
        np.concatenate([p.value for p in parts])[order],
    )
