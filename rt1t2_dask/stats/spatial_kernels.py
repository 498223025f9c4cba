"""Clusters and threshold-free cluster enhancement on a flat grid, compiled.

Both grow components by union-find. For TFCE voxels enter from the highest down;
a component settles the area size^E * integral of h^H between the heights at
which it changed, so the result is exact and knows no step (Smith & Nichols 2009).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
DIGIT_BITS = 11
DIGITS = 1 << DIGIT_BITS


@compiled
def _root(parent: I32, cell: int) -> int:
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@compiled
def _level(height: float, power: float) -> float:
    if power == 2.0:
        return height * height * height / 3.0
    return float(height ** (power + 1) / (power + 1))


@compiled
def _weight(size: int, power: float) -> float:
    if power == 0.5:
        return float(np.sqrt(np.float64(size)))
    return float(np.float64(size) ** power)


@compiled
def cluster_maxima(
    values: F32,
    side: float,
    height: float,
    steps: I32,
    parent: I32,
    cells: I32,
    size: I32,
    mass: F64,
) -> tuple[int, float]:
    """Largest extent and largest mass of the clusters above a height.

    Parameters
    ----------
    values : ndarray, shape (cell,)
        The map; ``side`` -1 looks at its negative.
    side, height : float
        Voxels with side * value > height count; mass is their sum of excess.
    steps : ndarray of int32
        To the neighbours.
    parent : ndarray of int32, shape (cell,)
        Scratch, all -1; left as it was.
    cells, size, mass : ndarray, shape (cell,)
        Scratch.
    """
    count = 0
    for cell in range(values.shape[0]):
        if side * values[cell] > height:
            cells[count] = cell
            count += 1
    largest, heaviest = 0, 0.0
    for k in range(count):
        cell = cells[k]
        parent[cell] = cell
        size[cell] = 1
        mass[cell] = side * values[cell] - height
        here = cell
        for step in steps:
            if parent[cell + step] >= 0:
                other = _root(parent, cell + step)
                if other != here:
                    parent[here] = other
                    size[other] += size[here]
                    mass[other] += mass[here]
                    here = other
        largest = max(largest, size[here])
        heaviest = max(heaviest, mass[here])
    for k in range(count):
        parent[cells[k]] = -1
    return largest, heaviest


@compiled
def descending(
    values: F32,
    side: float,
    order: I32,
    other: I32,
    bits: NDArray[np.uint32],
    other_bits: NDArray[np.uint32],
) -> int:
    """Sort the cells where side * value > 0 by it, highest first; give their number.

    A radix sort of the float's bits, stable; the result is in ``other``.
    """
    raw = values.view(np.uint32)
    magnitude = np.uint32(0x7FFFFFFF)
    tally = np.zeros((3, DIGITS), np.int64)
    count = 0
    for cell in range(values.shape[0]):
        if side * values[cell] > 0:
            key = raw[cell] & magnitude
            order[count] = cell
            bits[count] = key
            tally[0, key & np.uint32(DIGITS - 1)] += 1
            tally[1, (key >> np.uint32(DIGIT_BITS)) & np.uint32(DIGITS - 1)] += 1
            tally[2, key >> np.uint32(2 * DIGIT_BITS)] += 1
            count += 1
    for digit in range(3):
        start = 0
        for k in range(DIGITS - 1, -1, -1):
            start, tally[digit, k] = start + tally[digit, k], start
        shift = np.uint32(DIGIT_BITS * digit)
        for k in range(count):
            place = (bits[k] >> shift) & np.uint32(DIGITS - 1)
            target = tally[digit, place]
            tally[digit, place] = target + 1
            other[target] = order[k]
            other_bits[target] = bits[k]
        order, other = other, order
        bits, other_bits = other_bits, bits
    return count


@compiled
def enhance(
    values: F32,
    side: float,
    order: I32,
    count: int,
    steps: I32,
    extent_power: float,
    height_power: float,
    parent: I32,
    tree: I32,
    merged: I32,
    size: I32,
    settled: F64,
    area: F64,
    out: F32,
) -> float:
    """Add side * TFCE of one sign to ``out``; give the largest.

    Parameters
    ----------
    values : ndarray, shape (cell,)
        The map.
    side : float
        1 for values above 0, -1 for those below.
    order : ndarray of int32
        The first ``count`` are the cells of this sign, highest first.
    steps : ndarray of int32
        To the neighbours.
    extent_power, height_power : float
        E and H.
    parent : ndarray of int32, shape (cell,)
        Scratch, all -1; left as it was.
    tree, merged, size, settled, area : ndarray, shape (cell,)
        Scratch.
    out : ndarray, shape (cell,)
        Updated.
    """
    joined = 0
    for k in range(count):
        cell = order[k]
        height = np.float64(side * values[cell])
        level = _level(height, height_power)
        parent[cell] = cell
        size[cell] = 1
        settled[cell] = level
        area[cell] = 0.0
        here = cell
        for step in steps:
            if parent[cell + step] < 0:
                continue
            other = _root(parent, cell + step)
            if other == here:
                continue
            area[other] += _weight(size[other], extent_power) * (settled[other] - level)
            settled[other] = level
            if size[other] < size[here]:
                other, here = here, other
            parent[here] = other
            tree[here] = other
            area[here] -= area[other]
            size[other] += size[here]
            merged[joined] = here
            joined += 1
            here = other
    top = 0.0
    for k in range(count):
        cell = order[k]
        if parent[cell] == cell:
            area[cell] += _weight(size[cell], extent_power) * settled[cell]
    for k in range(joined - 1, -1, -1):
        area[merged[k]] += area[tree[merged[k]]]
    for k in range(count):
        cell = order[k]
        top = max(top, area[cell])
        out[cell] += np.float32(side * area[cell])
        parent[cell] = -1
    return top


@compiled
def enhance_maximum(
    values: F32,
    side: float,
    order: I32,
    count: int,
    steps: I32,
    extent_power: float,
    height_power: float,
    parent: I32,
    size: I32,
    settled: F64,
    area: F64,
) -> float:
    """Largest TFCE of one sign alone: each component keeps the best of its members."""
    for k in range(count):
        cell = order[k]
        height = np.float64(side * values[cell])
        level = _level(height, height_power)
        parent[cell] = cell
        size[cell] = 1
        settled[cell] = level
        area[cell] = 0.0
        here = cell
        for step in steps:
            other = parent[cell + step]
            if other < 0 or other == here:
                continue
            other = _root(parent, other)
            parent[cell + step] = other
            if other == here:
                continue
            area[other] += _weight(size[other], extent_power) * (settled[other] - level)
            settled[other] = level
            if size[other] < size[here]:
                other, here = here, other
            parent[here] = other
            size[other] += size[here]
            area[other] = max(area[other], area[here])
            here = other
    top = 0.0
    for k in range(count):
        cell = order[k]
        if parent[cell] == cell:
            top = max(top, area[cell] + _weight(size[cell], extent_power) * settled[cell])
    for k in range(count):
        parent[order[k]] = -1
    return top
