"""Inner loops of permutation tests of Welch's t, compiled.

Over a group of people the columns of a design span few directions. With p the products of these
with a relabeled unit residual and s_g the sum of its squares over group g, the full model leaves
s_g + p'A_g p in the group, and the contrast's correlation is w'p: all that Welch's t needs.
A score is -log(1 - u) at the nominal degrees of freedom, u the explained share; its sign is t's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled
from rt1t2_dask.stats.permutation.kernels import (
    F32,
    GROUP,
    I32,
    WIDTH,
    keep,
    products,
    raise_extremes,
)
from rt1t2_dask.stats.permutation.microkernel import ROWS, SPAN, judge
from rt1t2_dask.stats.permutation.welch_lanes import welch_lanes


@compiled
def _roots(
    p: F32, s: F32, effect: F32, quadratic: F32, share: F32, inverse: F32, nominal: float, out: F32
) -> None:
    """Fill signed roots of scores of WIDTH lanes."""
    for column in range(0, WIDTH, SPAN):
        shift = np.uintp(4 * column)
        welch_lanes(
            np.uintp(p.ctypes.data) + shift,
            np.uintp(s.ctypes.data) + shift,
            np.uintp(effect.ctypes.data),
            np.uintp(quadratic.ctypes.data),
            np.uintp(share.ctypes.data),
            np.uintp(inverse.ctypes.data),
            effect.shape[0],
            share.shape[0],
            WIDTH,
            np.float32(nominal),
            np.uintp(out.ctypes.data) + shift,
        )


@compiled
def scan_welch(
    whole: F32,
    weights: F32,
    masks: F32,
    still: bool,
    count: int,
    effect: F32,
    quadratic: F32,
    share: F32,
    inverse: F32,
    nominal: float,
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
    whole : ndarray, shape (tile, participant, WIDTH)
        Unit residuals.
    weights : ndarray, shape (group, panel, participant, ROWS)
        Panels of GROUP permutations: for each its directions.
    masks : ndarray, shape (group, panel, participant, ROWS)
        For each permutation, who is in each variance group; one permutation where `still`.
    still : bool
        Signs are flipped without permutation.
    count : int
        Permutations.
    effect : ndarray, shape (direction,)
        Weights of the contrast's correlation.
    quadratic : ndarray, shape (variance group, direction * (direction + 1) / 2)
        A_g, its lower triangle row by row, twice off the diagonal.
    share, inverse : ndarray, shape (variance group,)
        The regressor's square in the group over its degrees of freedom, and 1 over these.
    nominal : float
        1 / (nu ((8 nu + 1) / (8 nu + 3))^2) of the degrees of freedom scores are given at.
    threshold : ndarray, shape (tile, WIDTH)
        Observed score.
    highest, lowest : ndarray, shape (count,)
        Largest score of positive and of negative t so far; updated.
    exceed : ndarray of int32, shape (tile, WIDTH)
        Permutations whose score reached the threshold so far; updated.
    height : float
        Score above which a voxel is kept for clusters; infinite for none.
    first : int
        Tile to start with.
    rows, places, peaks : ndarray, shape (room,)
        Filled with permutation, position in ``whole`` and signed score of suprathreshold voxels.

    Returns
    -------
    tile, found : int
        As of :func:`rt1t2_dask.stats.permutation.kernels.scan`.
    """
    groups, directions = share.shape[0], effect.shape[0]
    p = np.empty((weights.shape[1] * ROWS, WIDTH), np.float32)
    s = np.empty((masks.shape[1] * ROWS, WIDTH), np.float32)
    root, left = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.float32)
    tall, found = np.float32(height), 0
    for t in range(first, whole.shape[0]):
        if places.shape[0] - found < count * WIDTH and np.isfinite(tall):
            return t, found
        bar, reached = threshold[t], exceed[t]
        square = whole[t] * whole[t]
        for group in range(weights.shape[0]):
            products(whole[t], weights[group], p)
            if group == 0 or not still:
                products(square, masks[group], s)
            for k in range(min(GROUP, count - group * GROUP)):
                i, own = group * GROUP + k, 0 if still else k * groups
                of = p[k * directions : (k + 1) * directions]
                _roots(of, s[own:], effect, quadratic, share, inverse, nominal, root)
                for column in range(0, WIDTH, SPAN):
                    shift = np.uintp(4 * column)
                    bits = judge(
                        np.uintp(root.ctypes.data) + shift,
                        np.uintp(4 * WIDTH),
                        0,
                        np.uintp(left.ctypes.data) + shift,
                        np.uintp(bar.ctypes.data) + shift,
                        np.uintp(reached.ctypes.data) + shift,
                        min(highest[i], lowest[i]),
                        tall,
                    )
                    if bits == 0:
                        continue
                    r, rest = root[column : column + SPAN], left[column : column + SPAN]
                    if bits >> 32:
                        raise_extremes(r, rest, highest, lowest, i)
                    place = t * WIDTH + column
                    found = keep(bits, i, place, r, rest, rows, places, peaks, found)
    return whole.shape[0], found


@compiled
def fill_welch(
    whole: F32, weights: F32, masks: F32, still: bool, count: int, effect: F32, quadratic: F32,
    share: F32, inverse: F32, nominal: float, maps: F32,
) -> None:  # fmt: skip
    """Write signed scores of every voxel, shape (count, tile * WIDTH); see :func:`scan_welch`."""
    groups, directions = share.shape[0], effect.shape[0]
    p = np.empty((weights.shape[1] * ROWS, WIDTH), np.float32)
    s = np.empty((masks.shape[1] * ROWS, WIDTH), np.float32)
    root = np.empty(WIDTH, np.float32)
    for t in range(whole.shape[0]):
        square = whole[t] * whole[t]
        for group in range(weights.shape[0]):
            products(whole[t], weights[group], p)
            if group == 0 or not still:
                products(square, masks[group], s)
            for k in range(min(GROUP, count - group * GROUP)):
                own = 0 if still else k * groups
                of = p[k * directions : (k + 1) * directions]
                _roots(of, s[own:], effect, quadratic, share, inverse, nominal, root)
                out = maps[group * GROUP + k, t * WIDTH : (t + 1) * WIDTH]
                for j in range(WIDTH):
                    out[j] = root[j] * abs(root[j])
