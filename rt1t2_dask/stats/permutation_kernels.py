"""Inner loops of the permutation test, compiled.

A score is the correlation r of a permuted regressor with a voxel's residual;
u = r^2 / (1 - sum a^2) is the share of variance it explains, a the permuted
nuisance columns' correlations, and t^2 = dof u / (1 - u).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]


@compiled
def _add(total: F64, weight: float, row: F64) -> None:
    for j in range(total.shape[0]):
        total[j] += weight * row[j]


@compiled
def _add_square(total: F64, row: F64) -> None:
    for j in range(total.shape[0]):
        total[j] += row[j] * row[j]


@compiled
def take_out(values: F64, nuisance: F64, share: F64) -> None:
    """Replace values by their unit residuals given orthonormal columns.

    Parameters
    ----------
    values : ndarray, shape (participant, voxel)
        Overwritten; a voxel with NaN becomes NaN.
    nuisance : ndarray, shape (column, participant)
        Orthonormal.
    share : ndarray, shape (voxel,)
        Filled with the share of the sum of squares that was left.
    """
    participants, width = values.shape
    before = np.zeros(width)
    after = np.zeros(width)
    slope = np.zeros((nuisance.shape[0], width))
    for i in range(participants):
        _add_square(before, values[i])
        for q in range(nuisance.shape[0]):
            _add(slope[q], nuisance[q, i], values[i])
    for i in range(participants):
        for q in range(nuisance.shape[0]):
            _add(values[i], -nuisance[q, i], slope[q])
        _add_square(after, values[i])
    for j in range(width):
        share[j] = after[j] / max(before[j], 1e-300)
        after[j] = 1.0 / np.sqrt(max(after[j], 1e-300))
    for i in range(participants):
        values[i] *= after


@compiled
def scan_tile(
    scores: F32, columns: int, threshold: F32, highest: F32, lowest: F32, exceed: I32
) -> None:
    """Update maxima and counts with one tile of scores.

    Parameters
    ----------
    scores : ndarray, shape (permutation * columns, voxel)
        For each permutation r, then the a of each nuisance column.
    columns : int
        1 + nuisance columns.
    threshold : ndarray, shape (voxel,)
        Observed u.
    highest, lowest : ndarray, shape (permutation,)
        Largest u of positive and of negative r so far; updated.
    exceed : ndarray of int32, shape (voxel,)
        Permutations with u >= threshold so far; updated.
    """
    width = scores.shape[1]
    left = np.ones(width, np.float32)
    for i in range(highest.shape[0]):
        r = scores[i * columns]
        if columns > 1:
            first = scores[i * columns + 1]
            for j in range(width):
                left[j] = np.float32(1) - first[j] * first[j]
            for q in range(2, columns):
                a = scores[i * columns + q]
                for j in range(width):
                    left[j] -= a[j] * a[j]
        bar = min(highest[i], lowest[i])
        larger = np.int32(0)
        for j in range(width):
            square = r[j] * r[j]
            exceed[j] += np.int32(1) if square >= threshold[j] * left[j] else np.int32(0)
            larger += np.int32(1) if square > bar * left[j] else np.int32(0)
        if larger > 0:
            high, low = highest[i], lowest[i]
            for j in range(width):
                u = r[j] * r[j] / left[j]
                if r[j] > 0:
                    high = max(high, u)
                else:
                    low = max(low, u)
            highest[i], lowest[i] = high, low


@compiled
def scan_partial(
    residuals: F32,
    columns: F32,
    present: NDArray[np.bool_],
    orders: NDArray[np.int16],
    smith: bool,
    scores: F32,
) -> None:
    """Signed u of voxels that miss participants, shape (voxel, permutation).

    The order of those present is the one the whole order induces: who is
    missing is skipped.

    Parameters
    ----------
    residuals : ndarray, shape (voxel, participant)
        Unit residuals, 0 where missing.
    columns : ndarray, shape (voxel, 1 + nuisance, participant)
        Regressor, then nuisance columns, orthonormal over those present.
    present : ndarray of bool, shape (voxel, participant)
        Who was measured.
    orders : ndarray of int16, shape (permutation, participant)
        Row orders.
    smith : bool
        Take a as the nuisance's correlation with the permuted regressor.
    scores : ndarray, shape (voxel, permutation)
        Filled with r |r| / (1 - sum a^2).
    """
    count = columns.shape[1]
    n = residuals.shape[1]
    dot = np.zeros(count, np.float32)
    for v in range(residuals.shape[0]):
        for i in range(orders.shape[0]):
            dot[:] = 0
            place = 0
            for k in range(n):
                source = orders[i, k]
                if not present[v, source]:
                    continue
                while not present[v, place]:
                    place += 1
                dot[0] += columns[v, 0, source] * residuals[v, place]
                for q in range(1, count):
                    if smith:
                        dot[q] += columns[v, q, place] * columns[v, 0, source]
                    else:
                        dot[q] += columns[v, q, source] * residuals[v, place]
                place += 1
            left = np.float32(1)
            for q in range(1, count):
                left -= dot[q] * dot[q]
            scores[v, i] = dot[0] * abs(dot[0]) / left


@compiled
def fill_maps(scores: F32, columns: int, dof: float, cells: I32, maps: F32) -> None:
    """Write t of every voxel of a tile into flat grids.

    Parameters
    ----------
    scores : ndarray, shape (permutation * columns, voxel)
        As in :func:`scan_tile`.
    columns : int
        1 + nuisance columns.
    dof : float
        Residual degrees of freedom.
    cells : ndarray of int32, shape (voxel,)
        Where each voxel of the tile goes; may be shorter than the tile.
    maps : ndarray, shape (permutation, cell)
        Filled.
    """
    width = cells.shape[0]
    smallest = np.float32(1e-7)
    root_dof = np.float32(np.sqrt(dof))
    left = np.empty(width, np.float32)
    for i in range(maps.shape[0]):
        r = scores[i * columns]
        for j in range(width):
            left[j] = np.float32(1) - r[j] * r[j]
        for q in range(1, columns):
            a = scores[i * columns + q]
            for j in range(width):
                left[j] -= a[j] * a[j]
        for j in range(width):
            left[j] = root_dof * r[j] / np.sqrt(max(left[j], smallest))
        grid = maps[i]
        for j in range(width):
            grid[cells[j]] = left[j]
