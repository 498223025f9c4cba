"""Volumes of prisms between white and pial by voxel, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@compiled
def _counts(inner: F64, outer: F64, per_voxel: float) -> tuple[int, int]:
    """Return pieces along the edges and along the depth of one prism."""
    edge, depth = 0.0, 0.0
    for a in range(3):
        b = (a + 1) % 3
        across, white, pial = 0.0, 0.0, 0.0
        for x in range(3):
            across += (outer[a, x] - inner[a, x]) ** 2
            white += (inner[b, x] - inner[a, x]) ** 2
            pial += (outer[b, x] - outer[a, x]) ** 2
        edge, depth = max(edge, white, pial), max(depth, across)
    along = int(np.ceil(np.sqrt(edge) * per_voxel))
    deep = int(np.ceil(np.sqrt(depth) * per_voxel))
    return max(along, 1), max(deep, 1)


@compiled
def _cross(inner: F64, outer: F64, t: float, out: F64) -> None:
    """Compute the cross product of both edges of the triangle at depth t."""
    e = np.empty((2, 3))
    for k in range(2):
        for x in range(3):
            white = inner[k + 1, x] - inner[0, x]
            e[k, x] = white + t * (outer[k + 1, x] - outer[0, x] - white)
    out[0] = e[0, 1] * e[1, 2] - e[0, 2] * e[1, 1]
    out[1] = e[0, 2] * e[1, 0] - e[0, 0] * e[1, 2]
    out[2] = e[0, 0] * e[1, 1] - e[0, 1] * e[1, 0]


@compiled
def fill_prism(inner: F64, outer: F64, per_voxel: float, low: I64, box: I64, held: F64) -> float:
    """Add one prism's volume, voxel by voxel, and return it.

    Parameters
    ----------
    inner, outer : ndarray, shape (3, 3)
        Corners on the white and pial surface, in voxel coordinates.
    per_voxel : float
        Pieces along the length of a voxel, at least.
    low, box : ndarray of int, shape (3,)
        Lowest voxel and shape of ``held``; every corner lies inside.
    held : ndarray, shape (at least the product of ``box``,)
        Volumes in voxels, C order, added to.
    """
    along, deep = _counts(inner, outer, per_voxel)
    cross, start, end = np.empty(3), np.empty(3), np.empty(3)
    total = 0.0
    for k in range(deep):
        t = (k + 0.5) / deep
        _cross(inner, outer, t, cross)
        for piece in range(along * along):
            # Rows of upright and inverted pieces: row r holds 2 (along - r) - 1 of them.
            row = along - 1 - int(np.sqrt(along * along - 1 - piece))
            place = piece - row * (2 * along - row)
            third = (1 + place % 2) / 3.0
            u, v = (row + third) / along, (place // 2 + third) / along
            for x in range(3):
                start[x] = inner[0, x] + u * (inner[1, x] - inner[0, x])
                start[x] += v * (inner[2, x] - inner[0, x])
                end[x] = outer[0, x] + u * (outer[1, x] - outer[0, x])
                end[x] += v * (outer[2, x] - outer[0, x])
            size, index = 0.0, 0
            for x in range(3):
                size += cross[x] * (end[x] - start[x])
                at = int(np.floor(start[x] + t * (end[x] - start[x]) + 0.5)) - low[x]
                index = index * box[x] + at
            size = abs(size) / (2 * along * along * deep)
            held[index] += size
            total += size
    return total


@compiled
def _bounds(white: F64, pial: F64, faces: I64, own: I64, low: I64, box: I64) -> None:
    """Compute the lowest voxel and the shape of a box round some prisms."""
    for x in range(3):
        least, most = np.inf, -np.inf
        for f in own:
            for c in range(3):
                v = faces[f, c]
                least = min(least, white[v, x], pial[v, x])
                most = max(most, white[v, x], pial[v, x])
        low[x] = int(np.floor(least + 0.5))
        box[x] = int(np.floor(most + 0.5)) - low[x] + 1


@compiled
def _kept(held: F64, low: I64, box: I64, shape: I64, voxels: I64, sizes: F64) -> int:
    """Store what lies in the image, and empty the box; return how many voxels."""
    found, k = 0, 0
    for i in range(low[0], low[0] + box[0]):
        for j in range(low[1], low[1] + box[1]):
            for m in range(low[2], low[2] + box[2]):
                inside = 0 <= i < shape[0] and 0 <= j < shape[1] and 0 <= m < shape[2]
                if held[k] > 0 and inside:
                    voxels[found] = (i * shape[1] + j) * shape[2] + m
                    sizes[found] = held[k]
                    found += 1
                held[k] = 0.0
                k += 1
    return found


@compiled
def polyhedra(
    white: F64, pial: F64, faces: I64, indptr: I64, incident: I64, shape: I64, per_voxel: float
) -> tuple[I64, I64, F64, F64]:
    """Compute how much of each vertex's polyhedron lies in each voxel.

    White and pial (vertex, 3) are in voxel coordinates, faces of vertex v are
    ``incident[indptr[v]:indptr[v + 1]]``, ``shape`` (3,) is the image's, and ``per_voxel`` is in
    how many pieces the length of a voxel is cut, at least.

    Returns
    -------
    tuple of ndarray
        Row pointers, voxels (C order), volumes in voxels, and the whole of each polyhedron.
    """
    n = len(indptr) - 1
    rows, whole = np.zeros(n + 1, np.int64), np.zeros(n)
    voxels, sizes = np.empty(16 * n + 64, np.int64), np.empty(16 * n + 64)
    low, box, held = np.empty(3, np.int64), np.empty(3, np.int64), np.zeros(64)
    inner, outer = np.empty((3, 3)), np.empty((3, 3))
    for v in range(n):
        own = incident[indptr[v] : indptr[v + 1]]
        rows[v + 1] = rows[v]
        if len(own) == 0:
            continue
        _bounds(white, pial, faces, own, low, box)
        cells = box[0] * box[1] * box[2]
        if cells > len(held):
            held = np.zeros(2 * cells)
        for f in own:
            for c in range(3):
                inner[c], outer[c] = white[faces[f, c]], pial[faces[f, c]]
            whole[v] += fill_prism(inner, outer, per_voxel, low, box, held)
        if rows[v] + cells > len(voxels):
            more = 2 * (rows[v] + cells)
            voxels = np.concatenate((voxels, np.empty(more, np.int64)))
            sizes = np.concatenate((sizes, np.empty(more)))
        rows[v + 1] += _kept(held, low, box, shape, voxels[rows[v] :], sizes[rows[v] :])
    return rows, voxels[: rows[n]].copy(), sizes[: rows[n]].copy(), whole
