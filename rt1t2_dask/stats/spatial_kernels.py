"""Clusters and threshold-free cluster enhancement on a flat grid, compiled.

Both grow components by union-find. For TFCE voxels enter from the highest down;
a component settles the area size^E * integral of h^H between the heights at
which it changed, so the result is exact and knows no step (Smith & Nichols 2009).
The union-find is over components, which are few, and not over voxels: it stays in
the cache, and each voxel only remembers the component it entered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled, inlined

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
U32 = NDArray[np.uint32]
DIGIT_BITS = 11
DIGITS = 1 << DIGIT_BITS


@compiled
def _root(parent: I32, cell: int) -> int:
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@inlined
def _level(height: float, power: float) -> float:
    if power == 2.0:
        return height * height * height / 3.0
    return float(height ** (power + 1) / (power + 1))


@inlined
def _weight(size: int, power: float) -> float:
    if power == 0.5:
        return float(np.sqrt(np.float64(size)))
    return float(np.float64(size) ** power)


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
    """Largest extent and largest mass of the clusters above a height.

    Parameters
    ----------
    cells : ndarray of int32, shape (voxel,)
        Where on the grid the voxels lie that may be in a cluster.
    values : ndarray, shape (voxel,)
        Theirs; ``side`` -1 looks at the negative.
    side, height : float
        Voxels with side * value > height count; mass is their sum of excess.
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
                other = _root(parent, cell + step)
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
    """Sort the voxels where side * value > 0 by it, highest first; give their number.

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


@inlined
def _unite(
    here: int, other: int, best: bool, parent: I32, tree: I32, merged: I32, size: I32, area: F64,
    tally: I32,
) -> int:  # fmt: skip
    """Join two settled components; give the larger, which stays."""
    if size[other] < size[here]:
        other, here = here, other
    parent[here] = other
    size[other] += size[here]
    if best:
        area[other] = max(area[other], area[here])
        return other
    tree[here] = other
    area[here] -= area[other]
    merged[tally[1]] = here
    tally[1] += 1
    return other


@inlined
def _enter(
    cell: int, level: float, best: bool, power: float, steps: I32, label: I32,
    parent: I32, tree: I32, merged: I32, size: I32, settled: F64, area: F64, tally: I32,
) -> int:  # fmt: skip
    """Join the components round a cell into one, and add the cell to it."""
    here, last = 0, 0
    for step in steps:
        seen = label[cell + step]
        if seen == last or seen == 0:
            continue
        last = seen
        other = _root(parent, seen)
        if other == here:
            continue
        area[other] += _weight(size[other], power) * (settled[other] - level)
        settled[other] = level
        if here == 0:
            here = other
        else:
            here = _unite(here, other, best, parent, tree, merged, size, area, tally)
    if here == 0:
        tally[0] += 1
        here = tally[0]
        parent[here] = here
        size[here] = 0
        settled[here] = level
        area[here] = 0.0
    size[here] += 1
    label[cell] = here
    return here


@compiled
def _finish(count: int, power: float, parent: I32, size: I32, settled: F64, area: F64) -> float:
    """Settle the components that are left down to 0; give the largest area."""
    top = 0.0
    for c in range(1, count + 1):
        if parent[c] == c:
            area[c] += _weight(size[c], power) * settled[c]
            top = max(top, area[c])
    return top


@compiled
def enhance(
    cells: I32,
    heights: F32,
    count: int,
    steps: I32,
    extent_power: float,
    height_power: float,
    label: I32,
    parent: I32,
    tree: I32,
    merged: I32,
    size: I32,
    settled: F64,
    area: F64,
    entry: F64,
    out: F32,
    sign: float,
) -> None:
    """Write sign * TFCE of one sign of a map into ``out``.

    Parameters
    ----------
    cells, heights : ndarray
        The first ``count`` are the voxels of this sign, highest first.
    steps : ndarray of int32
        To the neighbours.
    extent_power, height_power : float
        E and H.
    label : ndarray of int32, shape (cell,)
        Scratch, all 0; left as it was.
    parent, tree, merged, size, settled, area, entry : ndarray, shape (cell,)
        Scratch.
    out : ndarray, shape (cell,)
        Written where the cells are.
    """
    tally = np.zeros(2, np.int32)
    for k in range(count):
        level = _level(np.float64(heights[k]), height_power)
        here = _enter(
            cells[k], level, False, extent_power, steps, label,
            parent, tree, merged, size, settled, area, tally,
        )  # fmt: skip
        entry[k] = area[here]
    _finish(tally[0], extent_power, parent, size, settled, area)
    for k in range(tally[1] - 1, -1, -1):
        area[merged[k]] += area[tree[merged[k]]]
    for k in range(count):
        out[cells[k]] = np.float32(sign * (area[label[cells[k]]] - entry[k]))
    for k in range(count):
        label[cells[k]] = 0


@compiled
def enhance_maximum(
    cells: I32,
    heights: F32,
    count: int,
    steps: I32,
    extent_power: float,
    height_power: float,
    label: I32,
    parent: I32,
    size: I32,
    settled: F64,
    area: F64,
) -> float:
    """Largest TFCE of one sign alone: each component keeps the best of its members."""
    tally = np.zeros(2, np.int32)
    for k in range(count):
        level = _level(np.float64(heights[k]), height_power)
        _enter(
            cells[k], level, True, extent_power, steps, label,
            parent, parent, parent, size, settled, area, tally,
        )  # fmt: skip
    top = _finish(tally[0], extent_power, parent, size, settled, area)
    for k in range(count):
        label[cells[k]] = 0
    return top
