"""Largest clusters of a map on a flat grid, and its voxels in order of height, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
U32 = NDArray[np.uint32]
DIGIT_BITS = 11
DIGITS = 1 << DIGIT_BITS


@compiled
def root_of(parent: I32, cell: int) -> int:
    """Return the root of a cell's cluster, halving the way there."""
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@compiled
def cluster_maxima(
    cells: I32,
    values: F32,
    side: float,
    height: float,
    steps: I32,
    parent: I32,
    size: I32,
    mass: F64,
) -> tuple[int, float]:
    """Find the largest extent and the largest mass of suprathreshold clusters.

    Parameters
    ----------
    cells : ndarray of int32, shape (voxel,)
        Grid positions of the voxels that may be in a cluster.
    values : ndarray, shape (voxel,)
        Their values; ``side`` -1 selects negative ones.
    side, height : float
        Voxels with side * value > height are suprathreshold; mass is the sum of their excess.
    steps : ndarray of int32
        To the neighbours.
    parent : ndarray of int32, shape (cell,)
        Scratch, all -1; left as it was.
    size, mass : ndarray, shape (cell,)
        Scratch.
    """
    largest, heaviest = 0, 0.0
    for k in range(cells.shape[0]):
        excess = side * values[k] - height
        if excess <= 0:
            continue
        cell = cells[k]
        parent[cell] = cell
        size[cell] = 1
        mass[cell] = excess
        here = cell
        for step in steps:
            if parent[cell + step] >= 0:
                other = root_of(parent, cell + step)
                if other != here:
                    parent[here] = other
                    size[other] += size[here]
                    mass[other] += mass[here]
                    here = other
        largest = max(largest, size[here])
        heaviest = max(heaviest, mass[here])
    for k in range(cells.shape[0]):
        parent[cells[k]] = -1
    return largest, heaviest


@compiled
def descending(
    values: F32, cells: I32, side: float, order: I32, other: I32, bits: U32, other_bits: U32
) -> int:
    """Sort the voxels with side * value > 0 in descending order; return their number.

    A radix sort of the float's bits, stable. Cells end up in ``other`` and the
    absolute values, as bits, in ``other_bits``.
    """
    raw = values.view(np.uint32)
    sign = np.uint32(0x80000000 if side < 0 else 0)
    magnitude = np.uint32(0x7FFFFFFF)
    low, middle, high = np.zeros((3, DIGITS), np.int32)
    count = 0
    for k in range(values.shape[0]):
        key = raw[k] & magnitude
        order[count] = cells[k]
        bits[count] = key
        count += 1 if (raw[k] & np.uint32(0x80000000)) == sign and key > 0 else 0
    for k in range(count):
        key = bits[k]
        low[key & np.uint32(DIGITS - 1)] += 1
        middle[(key >> np.uint32(DIGIT_BITS)) & np.uint32(DIGITS - 1)] += 1
        high[key >> np.uint32(2 * DIGIT_BITS)] += 1
    shift = np.uint32(0)
    for tally in (low, middle, high):
        start = 0
        for k in range(DIGITS - 1, -1, -1):
            start, tally[k] = start + tally[k], start
        for k in range(count):
            place = (bits[k] >> shift) & np.uint32(DIGITS - 1)
            target = tally[place]
            tally[place] = target + 1
            other[target] = order[k]
            other_bits[target] = bits[k]
        order, other = other, order
        bits, other_bits = other_bits, bits
        shift += np.uint32(DIGIT_BITS)
    return count
