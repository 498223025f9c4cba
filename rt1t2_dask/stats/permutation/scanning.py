"""Run relabelings over the voxels of a block: maxima, counts and suprathreshold voxels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.clusters.suprathreshold import (
    EMPTY,
    Suprathreshold,
    join,
    suprathreshold_voxels,
)
from rt1t2_dask.stats.glm.explained_variance import (
    explained_at_height,
    explained_to_statistic,
    explained_to_z,
)
from rt1t2_dask.stats.glm.residuals import Residuals
from rt1t2_dask.stats.permutation.exchange import Orders
from rt1t2_dask.stats.permutation.kernels import F32, I32, WIDTH, scan
from rt1t2_dask.stats.permutation.permuted import (
    Unequal,
    columns_of,
    explained_by_partial,
    permuted_weights,
)
from rt1t2_dask.stats.permutation.prepared import PreparedBlock, identity
from rt1t2_dask.stats.permutation.tails import Tails, merge_blocks
from rt1t2_dask.stats.permutation.welch import Welch, explained_of, score_of

PARTIAL_ROWS = 4096
TIE = np.float32(1 - 4e-6)
NEVER = 9.0
# Products of unit vectors in float32 leave a u of 1e-16 to 1e-14 where the statistic is 0; a real u
# below 1e-12 (|t| below 1e-5) has p = 1 to five digits.
ROUNDING = np.float32(1e-12)
ROOM_TILES = 64
Pair = tuple[F32, F32]
Kept = tuple[NDArray[np.int16], I32, F32]
Run = Callable[[Pair, I32, int, Kept], tuple[int, int]]


def scan_whole(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, Suprathreshold]:
    """Run relabelings on the voxels without missing data.

    Parameters
    ----------
    block : PreparedBlock
    orders : ndarray of int16, shape (relabeling, participant)
    height : float or None
        p of the height above which voxels are wanted, one-sided for t.

    Returns
    -------
    tails : Tails
    exceed : ndarray of int32, shape (voxel,)
    suprathreshold : Suprathreshold
    """
    left = block.residuals
    if not left.separate:
        return _scan_equal(block, orders, height)
    return (_scan_welch if left.regressors == 1 else _scan_unequal)(block, orders, height)


def _scan_equal(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, Suprathreshold]:
    left = block.residuals
    count, weights = len(orders), permuted_weights(left, orders, block.smith)
    bar = np.full(left.whole.shape[0] * WIDTH, NEVER, np.float32)
    bar[: len(left.index)] = reach(block.whole_u)
    share = NEVER if height is None else explained_at_height(height, left.regressors, left.dof)

    def run(tails: Pair, exceed: I32, tile: int, kept: Kept) -> tuple[int, int]:
        return scan(
            left.whole, weights, count, *columns_of(left, block.smith), bar.reshape(-1, WIDTH),
            tails[0], tails[1], exceed, share, tile, kept[0], kept[1], kept[2],
        )  # fmt: skip

    return _scanned(left, count, height is not None, run, lambda share: share)


def _scan_welch(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, Suprathreshold]:
    left, ready = block.moved(orders), Welch.of(block.residuals, orders)
    observed = Welch.of(left, identity(orders.shape[1])).scores(block.residuals.whole)
    bar = reach(observed).reshape(-1, WIDTH)
    score = score_of(NEVER if height is None else explained_at_height(height, 1, left.dof))

    def run(tails: Pair, exceed: I32, tile: int, kept: Kept) -> tuple[int, int]:
        return ready.scan(left.whole, bar, tails, exceed, score, tile, kept)

    return _scanned(left, ready.count, height is not None, run, explained_of)


def _scanned(
    left: Residuals, count: int, clusters: bool, run: Run, to_explained: Callable[[F32], F32]
) -> tuple[Tails, I32, Suprathreshold]:
    """Run a kernel over all tiles, and empty its buffers whenever they are full."""
    extremes = np.zeros(count, np.float32), np.zeros(count, np.float32)
    exceed = np.zeros((len(left.whole), WIDTH), np.int32)
    room = count * WIDTH * ROOM_TILES if clusters else 0
    tile, kept = 0, [EMPTY]
    while tile < len(left.whole):
        row, place = np.empty(room, np.int16), np.empty(room, np.int32)
        peak = np.empty(room, np.float32)
        tile, found = run(extremes, exceed, tile, (row, place, peak))
        value = explained_to_statistic(to_explained(peak[:found]), left.regressors, left.dof)
        voxel = left.index[place[:found]].astype(np.int32)
        kept.append(Suprathreshold(row[:found], voxel, value.astype(np.float32)))
    tails = Tails(*(explained_to_z(to_explained(u), left.regressors, left.dof) for u in extremes))
    return tails, exceed.ravel()[: len(left.index)], join(kept)


def _scan_unequal(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, Suprathreshold]:
    left, q, zero = block.moved(orders), block.residuals.regressors, np.zeros(len(orders))
    tails, exceed, suprathreshold = (
        [Tails(zero, zero)],
        np.zeros(len(left.index), np.int32),
        [EMPTY],
    )
    ready, step = Unequal.of(left, orders), PARTIAL_ROWS // WIDTH
    for tile in range(0, len(left.whole), step):
        own = slice(tile * WIDTH, min((tile + step) * WIDTH, len(left.index)))
        explained = ready.explained(left.whole[tile : tile + step]).T[: own.stop - own.start]
        exceed[own] = _reached(explained, block.whole_u[own])
        tails.append(_tails(explained, q, left.dof))
        if height is not None:
            suprathreshold.append(
                suprathreshold_voxels(explained, left.index[own], q, left.dof, left.dof, height)
            )
    return merge_blocks(tails), exceed, join(suprathreshold)


def scan_partial(
    block: PreparedBlock, orders: Orders, height: float | None
) -> tuple[Tails, I32, list[Suprathreshold]]:
    """Run relabelings on the voxels with missing participants; see `scan_whole`."""
    left, q, zero = block.moved(orders), block.residuals.regressors, np.zeros(len(orders))
    tails, exceed = [Tails(zero, zero)], np.zeros(len(left.partial), np.int32)
    suprathreshold = []
    for start in range(0, len(left.partial), PARTIAL_ROWS):
        voxels = slice(start, start + PARTIAL_ROWS)
        explained = explained_by_partial(left, voxels, orders, block.smith)
        exceed[voxels] = _reached(explained, block.partial_u[voxels])
        for value in np.unique(left.partial_dof[voxels]).tolist():
            rows = start + np.flatnonzero(left.partial_dof[voxels] == value)
            of_value = explained[rows - start]
            tails.append(_tails(of_value, q, value))
            if height is not None:
                suprathreshold.append(
                    suprathreshold_voxels(
                        of_value, left.partial_index[rows], q, value, left.dof, height
                    )
                )
    return merge_blocks(tails), exceed, suprathreshold


def _reached(explained: F32, observed: F32) -> I32:
    """Count the relabelings of each voxel that reached the observed value."""
    return np.asarray(np.sum(np.abs(explained) >= reach(observed)[:, None], axis=1), np.int32)


def reach(observed: F32) -> F32:
    """Return the threshold for reaching the observed value; any value where that is 0."""
    size = np.abs(observed)
    return np.where(size > ROUNDING, size * TIE, np.float32(0))


def _tails(explained: F32, q: int, dof: float) -> Tails:
    """Return the largest normal deviates over voxels of the same degrees of freedom."""
    ends = np.maximum(explained.max(axis=0), 0), np.maximum(-explained.min(axis=0), 0)
    return Tails(*(explained_to_z(u, q, dof) for u in ends))
