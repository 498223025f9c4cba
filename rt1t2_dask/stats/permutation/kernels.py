"""Inner loops of the permutation test, compiled.

A score is the correlation r of a permuted regressor with a voxel's residual;
u = sum r^2 / (1 - sum a^2) is the variance explained by the contrast, a the
permuted nuisance columns' correlations: t^2 = dof u / (1 - u), F the same by its rank.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled
from rt1t2_dask.stats.permutation.microkernel import ROWS, SPAN, judge, multiply

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
WIDTH: Final = 32
GROUP: Final = 32


@compiled
def products(tile: F32, weights: F32, scores: F32) -> None:
    """Compute scores of one tile and one group of permutations; see :func:`scan`."""
    terms = tile.shape[0]
    for column in range(0, WIDTH, SPAN):
        values = np.uintp(tile.ctypes.data) + np.uintp(4 * column)
        for panel in range(weights.shape[0]):
            into = np.uintp(scores.ctypes.data) + np.uintp(4 * (panel * ROWS * WIDTH + column))
            first = np.uintp(weights.ctypes.data) + np.uintp(4 * panel * terms * ROWS)
            multiply(first, values, into, terms, WIDTH, WIDTH)


@compiled
def _combine(scores: F32, row: int, regressors: int) -> None:
    """Store the root of the regressors' summed squares in the last of their rows."""
    last = row + regressors - 1
    for j in range(WIDTH):
        scores[last, j] *= scores[last, j]
    for q in range(row, last):
        for j in range(WIDTH):
            scores[last, j] += scores[q, j] * scores[q, j]
    for j in range(WIDTH):
        scores[last, j] = np.sqrt(scores[last, j])


@compiled
def _remaining(scores: F32, row: int, columns: int, left: F32) -> None:
    """Compute the variance left by the nuisance rows after ``row``."""
    for j in range(WIDTH):
        left[j] = np.float32(1)
    for q in range(row + 1, row + columns):
        for j in range(WIDTH):
            left[j] -= scores[q, j] * scores[q, j]


@compiled
def raise_extremes(r: F32, left: F32, highest: F32, lowest: F32, i: int) -> None:
    """Update the largest u of positive and of negative r of one permutation."""
    for j in range(r.shape[0]):
        u = r[j] * r[j] / left[j]
        if r[j] > 0:
            highest[i] = max(highest[i], u)
        else:
            lowest[i] = max(lowest[i], u)


@compiled
def keep(
    bits: int, i: int, place: int, r: F32, left: F32, rows: NDArray[np.int16], places: I32,
    peaks: F32, found: int,
) -> int:  # fmt: skip
    """Record the voxels whose bit is set; return the number recorded."""
    for j in range(SPAN):
        if (bits >> j) & 1:
            rows[found] = i
            places[found] = place + j
            peaks[found] = r[j] * abs(r[j]) / left[j]
            found += 1
    return found


@compiled
def scan(
    whole: F32,
    weights: F32,
    count: int,
    regressors: int,
    columns: int,
    threshold: F32,
    highest: F32,
    lowest: F32,
    exceed: I32,
    height: float,
    first: int,
    rows: NDArray[np.int16],
    places: I32,
    peaks: F32,
) -> tuple[int, int]:
    """Run permutations over tiles: maxima, counts and suprathreshold voxels.

    Parameters
    ----------
    whole : ndarray, shape (tile, term, WIDTH)
        Unit residuals.
    weights : ndarray, shape (group, panel, term, ROWS)
        GROUP permutations a group; for each the regressors, then the nuisance.
    count : int
        Permutations; the rest of the last group is padding.
    regressors, columns : int
        Rows of a permutation that are regressors, and all.
    threshold : ndarray, shape (tile, WIDTH)
        Observed u.
    highest, lowest : ndarray, shape (count,)
        Largest u of positive and of negative r so far; updated.
    exceed : ndarray of int32, shape (tile, WIDTH)
        Permutations with u >= threshold so far; updated.
    height : float
        u above which a voxel is kept for clusters; over 1 for none.
    first : int
        Tile to start with.
    rows, places, peaks : ndarray, shape (room,)
        Filled with permutation, position in ``whole`` and signed u of suprathreshold voxels.

    Returns
    -------
    tile : int
        Tile to continue with; the number of tiles when done, less when the buffers are full.
    found : int
        Number of suprathreshold voxels recorded.
    """
    scores = np.empty((weights.shape[1] * ROWS, WIDTH), np.float32)
    left = np.empty(WIDTH, np.float32)
    tall = np.float32(height)
    address = np.uintp(scores.ctypes.data)
    found = 0
    for t in range(first, whole.shape[0]):
        if places.shape[0] - found < count * WIDTH and tall < 1:
            return t, found
        bar, reached = threshold[t], exceed[t]
        for group in range(weights.shape[0]):
            products(whole[t], weights[group], scores)
            for k in range(min(GROUP, count - group * GROUP)):
                i, row = group * GROUP + k, k * columns
                if regressors > 1:
                    _combine(scores, row, regressors)
                for column in range(0, WIDTH, SPAN):
                    shift = np.uintp(4 * column)
                    bits = judge(
                        address + np.uintp(4 * WIDTH * (row + regressors - 1)) + shift,
                        np.uintp(4 * WIDTH),
                        columns - regressors,
                        np.uintp(left.ctypes.data) + shift,
                        np.uintp(bar.ctypes.data) + shift,
                        np.uintp(reached.ctypes.data) + shift,
                        min(highest[i], lowest[i]),
                        tall,
                    )
                    if bits == 0:
                        continue
                    r = scores[row + regressors - 1, column : column + SPAN]
                    if bits >> 32:
                        raise_extremes(r, left[column : column + SPAN], highest, lowest, i)
                    place = t * WIDTH + column
                    found = keep(bits, i, place, r, left[column:], rows, places, peaks, found)
    return whole.shape[0], found


@compiled
def fill_maps(
    whole: F32,
    weights: F32,
    count: int,
    regressors: int,
    columns: int,
    maps: F32,
) -> None:
    """Write signed u of every voxel, shape (count, tile * WIDTH); see :func:`scan`."""
    scores = np.empty((weights.shape[1] * ROWS, WIDTH), np.float32)
    left = np.empty(WIDTH, np.float32)
    for t in range(whole.shape[0]):
        for group in range(weights.shape[0]):
            products(whole[t], weights[group], scores)
            for k in range(min(GROUP, count - group * GROUP)):
                row = k * columns + regressors - 1
                if regressors > 1:
                    _combine(scores, k * columns, regressors)
                _remaining(scores, row, columns - regressors + 1, left)
                r = scores[row]
                out = maps[group * GROUP + k, t * WIDTH : (t + 1) * WIDTH]
                for j in range(WIDTH):
                    out[j] = r[j] * abs(r[j]) / left[j]


@compiled
def _correlate(
    residual: F32, columns: F32, regressors: int, present: NDArray[np.bool_],
    order: NDArray[np.int16], smith: bool, dot: F32,
) -> None:  # fmt: skip
    """Compute correlations of one voxel's columns under one order; see :func:`scan_partial`."""
    dot[:] = 0
    for k in range(residual.shape[0]):
        if not present[k]:
            continue
        sign = np.float32(-1 if order[k] < 0 else 1)
        place = ~order[k] if order[k] < 0 else order[k]
        while not present[place]:
            place = ~order[place] if order[place] < 0 else order[place]
        value = sign * residual[k]
        for q in range(dot.shape[0]):
            if smith and q >= regressors:
                dot[q] += columns[q, k] * sign * columns[0, place]
            else:
                dot[q] += columns[q, place] * value


@compiled
def scan_partial(
    residuals: F32,
    columns: F32,
    regressors: int,
    present: NDArray[np.bool_],
    orders: NDArray[np.int16],
    smith: bool,
    scores: F32,
) -> None:
    """Compute signed u of voxels with missing participants, shape (voxel, permutation).

    Missing participants are removed from the permutation's cycles: people stay within their
    exchangeability block, and all orders of those present are equally likely.

    Parameters
    ----------
    residuals : ndarray, shape (voxel, participant)
        Unit residuals, 0 where missing.
    columns : ndarray, shape (voxel, regressors + nuisance, participant)
        Orthonormal over those present.
    regressors : int
        Rank of the contrast.
    present : ndarray of bool, shape (voxel, participant)
        Who was measured.
    orders : ndarray of int16, shape (permutation, participant)
        See :class:`rt1t2_dask.stats.permutation.exchange.PermutationPlan`.
    smith : bool
        Take a as the nuisance's correlation with the permuted regressor.
    scores : ndarray, shape (voxel, permutation)
        Filled with r |r| / (1 - sum a^2).
    """
    dot = np.zeros(columns.shape[1], np.float32)
    for v in range(residuals.shape[0]):
        for i in range(orders.shape[0]):
            _correlate(residuals[v], columns[v], regressors, present[v], orders[i], smith, dot)
            left, u = np.float32(1), np.float32(0)
            for q in range(dot.shape[0]):
                if q < regressors:
                    u += dot[q] * dot[q]
                else:
                    left -= dot[q] * dot[q]
            u /= left
            scores[v, i] = -u if regressors == 1 and dot[0] < 0 else u
