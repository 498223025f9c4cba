"""Meshes whose geometry is known."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.surface.mesh import Mesh

TETRAHEDRON = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


def icosphere(divisions: int, radius: float = 1.0) -> Mesh:
    """Icosahedron divided again and again, 10 * 4^divisions + 2 vertices, on a sphere."""
    golden = (1 + 5**0.5) / 2
    base = [(0, s, t * golden) for s in (-1, 1) for t in (-1, 1)]
    points = np.array([np.roll(p, k) for k in range(3) for p in base], float)
    from scipy.spatial import ConvexHull

    faces = ConvexHull(points).simplices
    for _ in range(divisions):
        points, faces = _divided(points, faces)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return outward(Mesh(radius * points, faces))


def _divided(points, faces):
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    middle = len(points) + inverse.reshape(-1, 3)
    a, b, c = faces.T
    ab, bc, ca = middle.T
    more = np.concatenate([
        np.stack(rows, axis=1) for rows in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))
    ])  # fmt: skip
    both = np.concatenate([points, points[unique].mean(axis=1)])
    return both, more


def outward(mesh: Mesh) -> Mesh:
    """The same with every face of a star-shaped mesh seen counter-clockwise from outside."""
    centre = mesh.vertices[mesh.faces].mean(axis=1)
    inside = np.einsum("fx,fx->f", centre, mesh.face_vectors) < 0
    faces = mesh.faces.copy()
    faces[inside] = faces[inside][:, [0, 2, 1]]
    return Mesh(mesh.vertices, faces)


def grid(n: int, step: float) -> Mesh:
    """A flat square of n x n vertices in the plane z = 0."""
    i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    points = np.stack([i.ravel() * step, j.ravel() * step, np.zeros(n * n)], axis=1)
    corner = (i[:-1, :-1] * n + j[:-1, :-1]).ravel()
    faces = np.concatenate([
        np.stack([corner, corner + n, corner + n + 1], axis=1),
        np.stack([corner, corner + n + 1, corner + 1], axis=1),
    ])  # fmt: skip
    return Mesh(points, faces)


def tube(radius: float, length: float, around: int, along: int) -> Mesh:
    """An open cylinder round the z axis, normals outward."""
    turn, level = np.meshgrid(np.arange(around), np.arange(along), indexing="ij")
    angle = 2 * np.pi * turn.ravel() / around
    z = length * level.ravel() / (along - 1)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
    k = turn[:, :-1] * along + level[:, :-1]
    ahead = (turn[:, :-1] + 1) % around * along + level[:, :-1]
    k, ahead = k.ravel(), ahead.ravel()
    faces = np.concatenate([
        np.stack([k, ahead, ahead + 1], axis=1), np.stack([k, ahead + 1, k + 1], axis=1)
    ])  # fmt: skip
    return Mesh(points, faces)
