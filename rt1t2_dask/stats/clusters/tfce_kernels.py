"""Threshold-free cluster enhancement on a flat grid, compiled.

Voxels enter from the highest down; a component settles the area size^E * integral of h^H
between the heights at which it changed, so the result is exact and knows no step (Smith &
Nichols 2009). Each voxel only remembers the component it entered. Components are few, so
every one knows the component it is part of by now, and a voxel asks its neighbours without
a walk.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled, inlined

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
U32 = NDArray[np.uint32]
Sizes = I32 | F64
Steps = tuple[int, ...]
Powers = tuple[float, float]
NONE, ONE = np.uint32(0xFFFFFFFF), np.uint32(1)


@inlined
def level_of(height: float, power: float) -> float:
    """Return the integral of h^power from 0 to a height."""
    if power == 2.0:
        return height * height * height / 3.0
    return float(height ** (power + 1) / (power + 1))


@inlined
def weight_of(size: float, power: float) -> float:
    """Return size^power; a size is a number of voxels, or mm^2 on a mesh."""
    if power == 0.5:
        return float(np.sqrt(np.float64(size)))
    return float(np.float64(size) ** power)


@compiled
def unite(
    here: int, other: int, best: bool, root: U32, links: U32, tree: I32, merged: I32, size: Sizes,
    area: F64, tally: I32,
) -> int:  # fmt: skip
    """Merge two settled components; return the larger, which becomes the root of both."""
    if size[other] < size[here]:
        other, here = here, other
    member = here
    while True:
        root[member] = other
        if links[member] == 0:
            break
        member = links[member]
    links[member] = links[other]
    links[other] = here
    size[other] += size[here]
    if best:
        area[other] = max(area[other], area[here])
        return other
    tree[here] = other
    area[here] -= area[other]
    merged[tally[1]] = here
    tally[1] += 1
    return other


@compiled
def _merge(
    cell: int, level: float, best: bool, power: float, steps: Steps, label: U32, root: U32,
    links: U32, tree: I32, merged: I32, size: I32, settled: F64, area: F64, tally: I32,
) -> int:  # fmt: skip
    """Merge the components round a cell."""
    here = 0
    for step in steps:
        other = root[label[np.uintp(cell + step)]]
        if other == here or other == 0:
            continue
        area[other] += weight_of(size[other], power) * (settled[other] - level)
        settled[other] = level
        if here == 0:
            here = other
        else:
            here = unite(here, other, best, root, links, tree, merged, size, area, tally)
    return here


@compiled
def _grow(
    cells: I32, heights: F32, count: int, steps: Steps, powers: Powers,
    label: U32, root: U32, links: U32, tree: I32, merged: I32, size: I32, settled: F64, area: F64,
    entry: F64,
) -> tuple[int, int]:  # fmt: skip
    """Add the voxels; return the number of components, and of those merged.

    ``entry`` gets what each voxel's component had gathered before it came; where it is empty a
    component keeps the best of its members in place of the tree. The neighbours' components
    are compared without a branch for each, and by no call: both cost more than the rest.
    """
    extent_power, height_power = powers
    best = entry.shape[0] == 0
    tally = np.zeros(2, np.int32)
    for k in range(count):
        level = level_of(np.float64(heights[k]), height_power)
        cell = int(cells[k])
        lowest, highest = NONE, np.uint32(0)
        for step in steps:
            seen = root[label[np.uintp(cell + step)]]
            highest = max(highest, seen)
            lowest = min(lowest, np.uint32(seen - ONE))
        if highest == 0:
            tally[0] += 1
            here = np.uintp(tally[0])
            root[here], links[here], size[here] = here, 0, 0
            settled[here], area[here] = level, 0.0
        elif np.uint32(lowest + ONE) == highest:
            here = np.uintp(highest)
            area[here] += weight_of(size[here], extent_power) * (settled[here] - level)
            settled[here] = level
        else:
            merged_into = _merge(
                cell, level, best, extent_power, steps, label,
                root, links, tree, merged, size, settled, area, tally,
            )  # fmt: skip
            here = np.uintp(merged_into)
        size[here] += 1
        label[np.uintp(cell)] = here
        if not best:
            entry[k] = area[here]
    return tally[0], tally[1]


@compiled
def finish(count: int, power: float, root: U32, size: Sizes, settled: F64, area: F64) -> float:
    """Settle the remaining components down to 0; return the largest area."""
    top = 0.0
    for c in range(1, count + 1):
        if root[c] == c:
            area[c] += weight_of(size[c], power) * settled[c]
            top = max(top, area[c])
    return top


@compiled
def enhance(
    cells: I32,
    heights: F32,
    count: int,
    steps: Steps,
    powers: Powers,
    label: U32,
    root: U32,
    links: U32,
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
    steps : tuple of int
        To the neighbours.
    powers : tuple of float
        E and H.
    label : ndarray of uint32, shape (cell,)
        Scratch, all 0; left as it was.
    root, links, tree, merged, size, settled, area, entry : ndarray, shape (cell,)
        Scratch; ``root[0]`` is 0.
    out : ndarray, shape (cell,)
        Written where the cells are.
    """
    components, merges = _grow(
        cells, heights, count, steps, powers, label,
        root, links, tree, merged, size, settled, area, entry,
    )  # fmt: skip
    finish(components, powers[0], root, size, settled, area)
    for k in range(merges - 1, -1, -1):
        area[merged[k]] += area[tree[merged[k]]]
    for k in range(count):
        out[cells[k]] = np.float32(sign * (area[label[cells[k]]] - entry[k]))
    label[:] = 0


@compiled
def enhance_maximum(
    cells: I32,
    heights: F32,
    count: int,
    steps: Steps,
    powers: Powers,
    label: U32,
    root: U32,
    links: U32,
    size: I32,
    settled: F64,
    area: F64,
) -> float:
    """Find the largest TFCE of one sign: each component keeps the best of its members."""
    components, _ = _grow(
        cells, heights, count, steps, powers, label,
        root, links, size, size, size, settled, area, area[:0],
    )  # fmt: skip
    top = finish(components, powers[0], root, size, settled, area)
    label[:] = 0
    return top
