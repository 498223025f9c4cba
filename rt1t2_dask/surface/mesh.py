"""Triangle meshes of the cortex: areas, normals, neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rt1t2_dask.errors import SubjectError

Float = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh.

    Parameters
    ----------
    vertices : ndarray, shape (vertex, 3)
        Places in mm, scanner RAS+ where the mesh is a person's.
    faces : ndarray of int, shape (face, 3)
        Vertices of each triangle, counter-clockwise seen from outside.

    Raises
    ------
    SubjectError
        Shapes are wrong, coordinates are not finite, or a face names a vertex that is not there
        or one vertex twice.
    """

    vertices: Float
    faces: Ints

    def __post_init__(self) -> None:
        vertices = np.ascontiguousarray(self.vertices, np.float64)
        faces = np.ascontiguousarray(self.faces, np.intp)
        _check(vertices, faces)
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", faces)

    @cached_property
    def face_vectors(self) -> Float:
        """Normals of the triangles, as long as twice their area in mm^2, shape (face, 3)."""
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        return np.asarray(np.cross(b - a, c - a))

    @cached_property
    def face_areas(self) -> Float:
        """Areas of the triangles in mm^2, shape (face,)."""
        return np.asarray(np.linalg.norm(self.face_vectors, axis=1) / 2)

    @cached_property
    def vertex_areas(self) -> Float:
        """A third of the areas of a vertex's triangles in mm^2, shape (vertex,)."""
        return self._gathered(self.face_areas / 3)

    @cached_property
    def normals(self) -> Float:
        """Outward unit normals, triangles weighted by area, shape (vertex, 3); 0 without any."""
        total = np.stack([self._gathered(self.face_vectors[:, k]) for k in range(3)], axis=1)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return np.asarray(total / np.where(length > 0, length, 1))

    @cached_property
    def adjacency(self) -> sparse.csr_matrix:
        """True where an edge joins two vertices, symmetric, sorted, shape (vertex, vertex)."""
        start = self.faces.ravel()
        end = self.faces[:, [1, 2, 0]].ravel()
        both = np.concatenate([start, end]), np.concatenate([end, start])
        n = len(self.vertices)
        found = sparse.csr_matrix((np.ones(len(both[0]), bool), both), shape=(n, n))
        found.sum_duplicates()
        found.sort_indices()
        return found

    @property
    def neighbours(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Neighbours of vertex v: ``indices[indptr[v]:indptr[v + 1]]``, ascending."""
        found = self.adjacency
        return found.indptr.astype(np.int32), found.indices.astype(np.int32)

    @cached_property
    def edges(self) -> Ints:
        """Both vertices of each edge, once, the lower first, shape (edge, 2)."""
        upper = sparse.triu(self.adjacency, k=1).tocoo()
        order = np.lexsort((upper.col, upper.row))
        return np.stack([upper.row[order], upper.col[order]], axis=1).astype(np.intp)

    @cached_property
    def edge_mm(self) -> Float:
        """Lengths of `edges` in mm, shape (edge,)."""
        start, end = self.vertices[self.edges[:, 0]], self.vertices[self.edges[:, 1]]
        return np.asarray(np.linalg.norm(end - start, axis=1))

    @property
    def euler(self) -> int:
        """Vertices - edges + faces: 2 for each closed surface without handles."""
        return len(self.vertices) - len(self.edges) + len(self.faces)

    def moved(self, vertices: Float) -> Mesh:
        """Return the same triangles at other places in mm, shape (vertex, 3)."""
        return Mesh(vertices, self.faces)

    def _gathered(self, values: Float) -> Float:
        n = len(self.vertices)
        total = np.zeros(n)
        for corner in range(3):
            total += np.bincount(self.faces[:, corner], values, minlength=n)
        return total


def joined(left: Mesh, right: Mesh) -> Mesh:
    """Return both hemispheres as one mesh: left vertices first, no edge between them."""
    return Mesh(
        np.concatenate([left.vertices, right.vertices]),
        np.concatenate([left.faces, right.faces + len(left.vertices)]),
    )


def midthickness(white: Mesh, pial: Mesh) -> Mesh:
    """Return the surface half way between white and pial.

    Raises
    ------
    SubjectError
        Vertices of the two do not correspond.
    """
    check_pair(white, pial)
    return white.moved((white.vertices + pial.vertices) / 2)


def thickness(white: Mesh, pial: Mesh) -> Float:
    """Return the distance of corresponding vertices in mm, shape (vertex,)."""
    return np.asarray(np.linalg.norm(pial.vertices - white.vertices, axis=1))


def check_pair(white: Mesh, pial: Mesh) -> None:
    """Raise SubjectError unless both surfaces have the same triangles."""
    if white.vertices.shape != pial.vertices.shape or not np.array_equal(white.faces, pial.faces):
        raise SubjectError(
            f"white has {len(white.vertices)} vertices and {len(white.faces)} faces, pial "
            f"{len(pial.vertices)} and {len(pial.faces)}, or their faces differ.",
            "Take both from one reconstruction.",
        )


def _check(vertices: NDArray[Any], faces: NDArray[Any]) -> None:
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise SubjectError(
            f"A mesh has vertices (vertex, 3) and faces (face, 3), not {vertices.shape} and "
            f"{faces.shape}."
        )
    bad = int(np.count_nonzero(~np.isfinite(vertices).all(axis=1)))
    if bad:
        raise SubjectError(f"{bad} of {len(vertices)} vertices of the surface are not finite.")
    if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise SubjectError(
            f"Faces of the surface name vertices {faces.min()} to {faces.max()}; it has "
            f"{len(vertices)}."
        )
    a, b, c = faces.T
    twice = int(np.count_nonzero((a == b) | (b == c) | (c == a)))
    if twice:
        raise SubjectError(f"{twice} of {len(faces)} faces of the surface name a vertex twice.")
