"""Permutation tests of a contrast over blocks of voxels.

With e the unit residual of a voxel given the nuisance columns and x the unit
regressors given them, permuting residuals (Freedman & Lane 1983, Winkler et al.
2014) gives r = (Px)'e, a_j = (Pq_j)'e and the explained share u = sum r^2 / (1 - sum a^2):
one product of a small matrix with the block instead of a fit per permutation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.above import EMPTY, Above, above_height, join
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.exchange import Orders, PermutationPlan
from rt1t2_dask.stats.glm import Variance, whitened
from rt1t2_dask.stats.permutation_kernels import F32, I32, WIDTH, scan
from rt1t2_dask.stats.permuted import (
    Unequal,
    columns_of,
    partial_shares,
    permuted_weights,
    whole_shares,
)
from rt1t2_dask.stats.presence import MIN_GROUP_N, MIN_GROUP_SHARE
from rt1t2_dask.stats.residuals import Residuals, residualise
from rt1t2_dask.stats.shares import height_share, share_to_statistic, share_to_z
from rt1t2_dask.stats.tails import Tails, merge_blocks

Float = NDArray[np.float64]
PARTIAL_ROWS = 4096
TIE = np.float32(1 - 4e-6)
NEVER = 9.0

# Products of unit vectors in float32 leave shares of 1e-16 to 1e-14 where the statistic is 0;
# a real share below 1e-12 (|t| below 1e-5) has p = 1 to five digits.
ROUNDING = np.float32(1e-12)
ROOM_TILES = 64


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

    @property
    def participants(self) -> int:
        """Rows that are relabeled."""
        return int(self.residuals.columns.shape[1])

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
    variance: Variance = "equal",
    *,
    group_variance: dict[str, float] | None = None,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
) -> PreparedBlock:
    """Take the nuisance columns out of a block once.

    Parameters
    ----------
    data : ndarray, shape (observation, voxel)
        Rows as the design's; NaN where not measured.
    design : Design
        The model.
    plan : PermutationPlan
        Its method is prepared for.
    variance, group_variance, min_group_n, min_group_share
        As in :func:`rt1t2_dask.stats.glm.fit`, whose statistic is permuted: with ``welch``
        Welch's t or Winkler's G, with ``spm_unequal`` the whitened model's t or F.

    Raises
    ------
    UserError
        Smith's method with ``welch``; ``spm_unequal`` without variances.
    """
    smith, signs = plan.method == "smith", plan.exchange != "order"
    separate = require_method(plan.method, variance, len(design.groups))
    if variance == "spm_unequal":
        weight = whitened(design, variance, group_variance).whitening[:, None]
        design = replace(design, matrix=design.matrix * weight)
        data = data * weight.astype(data.dtype)
    left = residualise(data, design, min_group_n, min_group_share, signs, separate)
    as_it_is = identity(design.n)
    whole = whole_shares(left, as_it_is, smith)[0, : len(left.index)]
    partial = partial_shares(left, slice(None), as_it_is, smith)[:, 0]
    return PreparedBlock(data.shape[1], left, smith, whole, partial)


def require_method(method: str, variance: str, groups: int) -> bool:
    """Give whether groups have variances of their own, which Smith's method has no place for.

    Raises
    ------
    UserError
        For Smith's method then.
    """
    separate = variance == "welch" and groups > 1
    if separate and method == "smith":
        raise UserError(
            "permute.method=smith assumes equal variances; with contrast.variance=welch "
            "take permute.method=freedman_lane."
        )
    return separate


def observed_tails(block: PreparedBlock) -> Tails:
    """Largest observed z of a block in each direction, shape (1,)."""
    z = np.append(np.nan_to_num(block.z), 0.0)
    return Tails(np.array([z.max()]), np.array([-z.min()]))


def identity(participants: int) -> Orders:
    """Give the relabeling that changes nothing, shape (1, participant)."""
    return np.arange(participants, dtype=np.int16)[None]


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
    scan_whole = _scan_unequal if block.residuals.separate else _scan_whole
    whole, exceed[block.residuals.index], above = scan_whole(block, orders, height)
    partial, exceed[block.residuals.partial_index], more = _scan_partial(block, orders, height)
    return BatchResult(merge_blocks([whole, partial]), exceed, join([above, *more]))


def _scan_whole(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, Above]:
    left = block.residuals
    count, used, padded = len(orders), len(left.index), left.whole.shape[0] * WIDTH
    bar = np.full(padded, NEVER, np.float32)
    bar[:used] = _bar(block.whole_u)
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


def _scan_unequal(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, Above]:
    left, q, zero = block.residuals, block.residuals.regressors, np.zeros(len(orders))
    tails, exceed, above = [Tails(zero, zero)], np.zeros(len(left.index), np.int32), [EMPTY]
    ready, step = Unequal.of(left, orders), PARTIAL_ROWS // WIDTH
    for tile in range(0, len(left.whole), step):
        own = slice(tile * WIDTH, min((tile + step) * WIDTH, len(left.index)))
        shares = ready.shares(left.whole[tile : tile + step]).T[: own.stop - own.start]
        exceed[own] = _reached(shares, block.whole_u[own])
        tails.append(_tails(shares, q, left.dof))
        if height is not None:
            above.append(above_height(shares, left.index[own], q, left.dof, left.dof, height))
    return merge_blocks(tails), exceed, join(above)


def _scan_partial(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, list[Above]]:
    left, q, zero = block.residuals, block.residuals.regressors, np.zeros(len(orders))
    tails, exceed = [Tails(zero, zero)], np.zeros(len(left.partial), np.int32)
    above = []
    for start in range(0, len(left.partial), PARTIAL_ROWS):
        voxels = slice(start, start + PARTIAL_ROWS)
        shares = partial_shares(left, voxels, orders, block.smith)
        exceed[voxels] = _reached(shares, block.partial_u[voxels])
        for value in np.unique(left.partial_dof[voxels]).tolist():
            rows = start + np.flatnonzero(left.partial_dof[voxels] == value)
            of_value = shares[rows - start]
            tails.append(_tails(of_value, q, value))
            if height is not None:
                above.append(
                    above_height(of_value, left.partial_index[rows], q, value, left.dof, height)
                )
    return merge_blocks(tails), exceed, above


def _reached(shares: F32, observed: F32) -> I32:
    """Count the relabelings of each voxel that reached what was observed."""
    return np.asarray(np.sum(np.abs(shares) >= _bar(observed)[:, None], axis=1), np.int32)


def _bar(observed: F32) -> F32:
    """Share that counts as reaching what was observed; any does where that is 0."""
    size = np.abs(observed)
    return np.where(size > ROUNDING, size * TIE, np.float32(0))


def _tails(shares: F32, q: int, dof: float) -> Tails:
    """Largest normal deviates over voxels of the same degrees of freedom, (voxel, relabeling)."""
    ends = np.maximum(shares.max(axis=0), 0), np.maximum(-shares.min(axis=0), 0)
    return Tails(*(share_to_z(u, q, dof) for u in ends))
