"""Largest clusters and threshold-free cluster enhancement on lists of neighbours, compiled.

As `rt1t2_dask.stats.clusters.tfce_kernels`, whose components these share; what differs is the
visit of the neighbours (a list a vertex, where a grid has constant steps that the compiler unrolls)
and that a vertex adds its area in mm^2, where a voxel adds 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.clusters.spatial_kernels import root_of
from rt1t2_dask.stats.clusters.tfce_kernels import (
    NONE,
    ONE,
    Powers,
    finish,
    level_of,
    unite,
    weight_of,
)
from rt1t2_dask.stats.jit import compiled, inlined

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
U32 = NDArray[np.uint32]


@inlined
def _area_weight(size: float, power: float) -> float:
    if power == 1.0:
        return size
    return weight_of(size, power)


@compiled
def mesh_maxima(
    vertices: I32,
    values: F32,
    side: float,
    height: float,
    indptr: I32,
    indices: I32,
    areas: F64,
    parent: I32,
    size: F64,
    mass: F64,
) -> tuple[float, float]:
    """Find the largest area and the largest mass of suprathreshold clusters.

    Parameters
    ----------
    vertices : ndarray of int32, shape (vertex,)
        Those that may be in a cluster.
    values : ndarray, shape (vertex,)
        Their values; ``side`` -1 selects negative ones.
    side, height : float
        Vertices with side * value > height are suprathreshold; mass is the sum of their
        excess x area.
    indptr, indices, areas : ndarray
        Of a :class:`rt1t2_dask.stats.mesh.neighbourhood.Neighbourhood`.
    parent : ndarray of int32, shape (vertex,)
        Scratch, all -1; left as it was.
    size, mass : ndarray, shape (vertex,)
        Scratch.
    """
    largest, heaviest = 0.0, 0.0
    for k in range(vertices.shape[0]):
        excess = side * values[k] - height
        if excess <= 0:
            continue
        vertex = vertices[k]
        parent[vertex] = vertex
        size[vertex] = areas[vertex]
        mass[vertex] = excess * areas[vertex]
        here = vertex
        for place in range(indptr[vertex], indptr[vertex + 1]):
            if parent[indices[place]] >= 0:
                other = root_of(parent, indices[place])
                if other != here:
                    parent[here] = other
                    size[other] += size[here]
                    mass[other] += mass[here]
                    here = other
        largest = max(largest, size[here])
        heaviest = max(heaviest, mass[here])
    for k in range(vertices.shape[0]):
        parent[vertices[k]] = -1
    return largest, heaviest


@compiled
def _merge(
    around: I32, level: float, best: bool, power: float, label: U32, root: U32, links: U32,
    tree: I32, merged: I32, size: F64, settled: F64, area: F64, tally: I32,
) -> int:  # fmt: skip
    """Merge the components of a vertex's neighbours."""
    here = 0
    for neighbour in around:
        other = root[label[neighbour]]
        if other == here or other == 0:
            continue
        area[other] += _area_weight(size[other], power) * (settled[other] - level)
        settled[other] = level
        if here == 0:
            here = other
        else:
            here = unite(here, other, best, root, links, tree, merged, size, area, tally)
    return here


@compiled
def _grow(
    vertices: I32, heights: F32, count: int, indptr: I32, indices: I32, areas: F64, powers: Powers,
    label: U32, root: U32, links: U32, tree: I32, merged: I32, size: F64, settled: F64, area: F64,
    entry: F64,
) -> tuple[int, int]:  # fmt: skip
    """Add the vertices; return the number of components, and of those merged.

    ``entry`` gets what each vertex's component had gathered before it came; where it is empty a
    component keeps the best of its members in place of the tree.
    """
    extent_power, height_power = powers
    best = entry.shape[0] == 0
    tally = np.zeros(2, np.int32)
    for k in range(count):
        level = level_of(np.float64(heights[k]), height_power)
        vertex = vertices[k]
        around = indices[indptr[vertex] : indptr[vertex + 1]]
        lowest, highest = NONE, np.uint32(0)
        for neighbour in around:
            seen = root[label[neighbour]]
            highest = max(highest, seen)
            lowest = min(lowest, np.uint32(seen - ONE))
        if highest == 0:
            tally[0] += 1
            here = np.uintp(tally[0])
            root[here], links[here], size[here] = here, 0, 0.0
            settled[here], area[here] = level, 0.0
        elif np.uint32(lowest + ONE) == highest:
            here = np.uintp(highest)
            area[here] += _area_weight(size[here], extent_power) * (settled[here] - level)
            settled[here] = level
        else:
            merged_into = _merge(
                around, level, best, extent_power, label,
                root, links, tree, merged, size, settled, area, tally,
            )  # fmt: skip
            here = np.uintp(merged_into)
        size[here] += areas[vertex]
        label[vertex] = here
        if not best:
            entry[k] = area[here]
    return tally[0], tally[1]


@compiled
def enhance_mesh(
    vertices: I32, heights: F32, count: int, indptr: I32, indices: I32, areas: F64, powers: Powers,
    label: U32, root: U32, links: U32, tree: I32, merged: I32, size: F64, settled: F64, area: F64,
    entry: F64, out: F32, sign: float,
) -> None:  # fmt: skip
    """Write sign * TFCE of one sign of a map into ``out``.

    Parameters
    ----------
    vertices, heights : ndarray
        The first ``count`` are the vertices of this sign, highest first.
    indptr, indices, areas : ndarray
        Of a :class:`rt1t2_dask.stats.mesh.neighbourhood.Neighbourhood`.
    powers : tuple of float
        E, of the area in mm^2, and H.
    label : ndarray of uint32, shape (vertex,)
        Scratch, all 0; left as it was.
    root, links : ndarray of uint32, shape (vertex + 1,)
        Scratch; ``root[0]`` is 0.
    tree, merged, size, settled, area, entry : ndarray, shape (vertex + 1,)
        Scratch.
    out : ndarray, shape (vertex,)
        Written where the vertices are.
    """
    components, merges = _grow(
        vertices, heights, count, indptr, indices, areas, powers, label,
        root, links, tree, merged, size, settled, area, entry,
    )  # fmt: skip
    finish(components, powers[0], root, size, settled, area)
    for k in range(merges - 1, -1, -1):
        area[merged[k]] += area[tree[merged[k]]]
    for k in range(count):
        out[vertices[k]] = np.float32(sign * (area[label[vertices[k]]] - entry[k]))
    label[:] = 0


@compiled
def enhance_mesh_maximum(
    vertices: I32, heights: F32, count: int, indptr: I32, indices: I32, areas: F64, powers: Powers,
    label: U32, root: U32, links: U32, tree: I32, size: F64, settled: F64, area: F64,
) -> float:  # fmt: skip
    """Find the largest TFCE of one sign: each component keeps the best of its members."""
    components, _ = _grow(
        vertices, heights, count, indptr, indices, areas, powers, label,
        root, links, tree, tree, size, settled, area, area[:0],
    )  # fmt: skip
    top = finish(components, powers[0], root, size, settled, area)
    label[:] = 0
    return top
