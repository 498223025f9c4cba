"""Tested vertices of a surface mesh with their areas and lists of neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rt1t2_dask.errors import UserError

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
I32 = NDArray[np.int32]
AREA_BITS = 50
"""Areas are multiples of the mesh's area / 2^50 (6e-11 of a vertex's on 65,000 vertices): float64
has 53 bits, so a cluster's area is the same bits in whatever order its vertices are added."""


@dataclass(frozen=True)
class SearchMesh:
    """Triangles and vertex areas of a surface, or of both hemispheres as one.

    Parameters
    ----------
    faces : ndarray of int, shape (face, 3)
        Vertices of each triangle.
    areas : ndarray, shape (vertex,)
        mm^2 of each vertex, 0 or more: a third of its triangles' area, of the mean person's
        midthickness or of the template.
    mask : ndarray of bool, shape (vertex,), optional
        Vertices that may be tested; false on the medial wall. Default: all.

    Raises
    ------
    UserError
        Faces of another shape or beyond the vertices; areas that are negative or not finite; a
        mask of another length.
    """

    faces: NDArray[Any]
    areas: NDArray[Any]
    mask: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        faces, areas = np.asarray(self.faces), np.asarray(self.areas, np.float64)
        if faces.ndim != 2 or faces.shape[1] != 3 or not np.issubdtype(faces.dtype, np.integer):
            raise UserError(
                f"mesh: faces of shape {faces.shape}, {faces.dtype}; need integers (face, 3)."
            )
        if areas.ndim != 1 or not np.isfinite(areas).all() or (areas < 0).any():
            raise UserError(
                f"mesh: areas of shape {areas.shape} must be one finite number of mm^2 a vertex, "
                "0 or more; set the medial wall's to 0 and leave it out by the mask."
            )
        if faces.size and not 0 <= faces.min() <= faces.max() < len(areas):
            raise UserError(
                f"mesh: faces name vertices {faces.min()} to {faces.max()}, and there are areas of "
                f"{len(areas)} vertices; give both of the same surface."
            )
        if self.mask is not None and np.shape(self.mask) != areas.shape:
            raise UserError(
                f"mesh: a mask of shape {np.shape(self.mask)} on {len(areas)} vertices; give one "
                "value a vertex."
            )

    @property
    def vertices(self) -> int:
        """Number of vertices, tested or not."""
        return len(self.areas)

    @property
    def inside(self) -> Bool:
        """Return where vertices may be tested, shape (vertex,)."""
        return np.ones(self.vertices, bool) if self.mask is None else np.asarray(self.mask, bool)

    @classmethod
    def joined(cls, hemispheres: Sequence[SearchMesh]) -> SearchMesh:
        """Return hemispheres as one mesh of separate pieces: one search, vertices in their order.

        Parameters
        ----------
        hemispheres : sequence of SearchMesh
            Usually left, then right; maps are concatenated likewise.
        """
        starts = np.cumsum([0, *(mesh.vertices for mesh in hemispheres)])
        faces = [np.asarray(m.faces) + s for m, s in zip(hemispheres, starts[:-1], strict=True)]
        return cls(
            np.concatenate(faces),
            np.concatenate([mesh.areas for mesh in hemispheres]),
            np.concatenate([mesh.inside for mesh in hemispheres]),
        )


@dataclass(frozen=True)
class Neighbourhood:
    """Tested vertices with their neighbours, numbered from 0 in the mesh's order.

    Parameters
    ----------
    cells : ndarray of int32, shape (vertex,)
        0, 1, ...: a vertex is its own cell (see `rt1t2_dask.stats.clusters.lattice.Lattice`).
    indptr : ndarray of int32, shape (vertex + 1,)
        Neighbours of vertex v are ``indices[indptr[v] : indptr[v + 1]]``, ascending.
    indices : ndarray of int32, shape (2 x edge,)
        Vertices that share an edge.
    areas : ndarray, shape (vertex,)
        mm^2, in multiples that add exactly (`AREA_BITS`).
    """

    cells: I32
    indptr: I32
    indices: I32
    areas: Float

    def components(self, over: Bool) -> tuple[NDArray[np.int64], int]:
        """Label connected sets of vertices.

        Parameters
        ----------
        over : ndarray of bool, shape (vertex,)
            The vertices to connect.

        Returns
        -------
        labels : ndarray of int, shape (vertex,)
            From 1 in order of each set's first vertex, 0 elsewhere.
        count : int
        """
        one, other = self.edges()
        kept = over[one] & over[other]
        size = len(self.cells)
        links = coo_array((np.ones(int(kept.sum()), bool), (one[kept], other[kept])), (size, size))
        _, raw = connected_components(links, directed=False)
        labels = np.zeros(size, np.int64)
        _, first, own = np.unique(raw[over], return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(1, len(first) + 1)
        labels[over] = rank[own]
        return labels, len(first)

    def edges(self) -> tuple[I32, I32]:
        """Return each edge once: its lower and its higher vertex, shape (edge,) each."""
        one = np.repeat(self.cells, np.diff(self.indptr))
        up = one < self.indices
        return one[up], self.indices[up]


def neighbourhood(mesh: SearchMesh, tested: Bool | None = None) -> Neighbourhood:
    """Describe the tested vertices of a mesh.

    Parameters
    ----------
    mesh : SearchMesh
        One or more surfaces.
    tested : ndarray of bool, shape (vertex,), optional
        Vertices with a statistic; those outside the mesh's mask are left out as well. An edge
        joins two tested vertices.

    Raises
    ------
    UserError
        ``tested`` has another length.
    """
    if tested is not None and tested.shape != (mesh.vertices,):
        raise UserError(
            f"maps of {tested.size} vertices and a mesh of {mesh.vertices}: give the mesh the maps "
            "were sampled on, both hemispheres in their order."
        )
    inside = mesh.inside if tested is None else mesh.inside & tested
    number = np.cumsum(inside, dtype=np.int64) - 1
    size = int(inside.sum())
    faces = np.asarray(mesh.faces, np.int64)
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = number[pairs[inside[pairs].all(axis=1) & (pairs[:, 0] != pairs[:, 1])]]
    both = np.concatenate([pairs, pairs[:, ::-1]])
    # An edge lies in two triangles: the sparse matrix keeps it once a direction, sorted.
    links = coo_array((np.ones(len(both), np.int8), tuple(both.T)), (size, size)).tocsr()
    links.sum_duplicates()
    areas = _exact(np.asarray(mesh.areas, np.float64)[inside])
    cells = np.arange(size, dtype=np.int32)
    indptr, indices = links.indptr.astype(np.int32), links.indices.astype(np.int32)
    return Neighbourhood(cells, indptr, indices, areas)


def _exact(areas: Float) -> Float:
    total = float(areas.sum())
    if total == 0:
        return areas
    quantum = 2.0 ** (np.ceil(np.log2(total)) - AREA_BITS)
    return np.asarray(np.round(areas / quantum) * quantum)
