"""Meshes to test on: icospheres, random triangulations of the plane, fsaverage5."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, Delaunay

from rt1t2_dask.stats.mesh.neighbourhood import SearchMesh


def face_areas(faces, points):
    a, b, c = (points[faces[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def vertex_areas(faces, points):
    thirds = np.repeat(face_areas(faces, points) / 3, 3)
    return np.bincount(faces.ravel(), thirds, len(points))


def sphere(vertices=642, radius=30.0):
    """A Fibonacci lattice on a sphere, triangulated by its hull."""
    k = np.arange(vertices) + 0.5
    z, turn = 1 - 2 * k / vertices, np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - z**2)
    points = np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)
    return ConvexHull(points).simplices.astype(np.int64), points * radius


def plane(seed, vertices=120, width=40.0):
    """A Delaunay triangulation of random points in a square, z = 0."""
    flat = np.random.default_rng(seed).random((vertices, 2)) * width
    return Delaunay(flat).simplices.astype(np.int64), np.column_stack([flat, np.zeros(vertices)])


def two_spheres(vertices=162):
    """Two hemispheres: one mesh, and where its vertices are."""
    faces, points = sphere(vertices)
    one = SearchMesh(faces, vertex_areas(faces, points))
    return SearchMesh.joined([one, one]), np.concatenate(
        [np.add(points, (x, 0, 0)) for x in (-40, 40)]
    )


def labelled(mesh, over):
    """Connected vertices of a whole mesh by scipy, -1 outside; independent of our lists."""
    sides = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [0, 2]]])
    sides = sides[over[sides].all(axis=1)]
    size = mesh.vertices
    graph = coo_array((np.ones(len(sides)), tuple(sides.T)), (size, size))
    return np.where(over, connected_components(graph, directed=False)[1], -1)


def areas_of(mesh, labels):
    """Area of each vertex's component."""
    kept = labels >= 0
    total = np.bincount(labels[kept], mesh.areas[kept], mesh.vertices)
    return np.where(kept, total[labels], 0.0)


def tfce_by_labelling(mesh, values, e=1.0, h=2.0):
    """The defining integral of a positive map, piece by piece between the values that occur."""
    out, low = np.zeros(mesh.vertices), 0.0
    for high in np.unique(values[(values > 0) & mesh.inside]):
        area = areas_of(mesh, labelled(mesh, (values >= high) & mesh.inside))
        piece = (float(high) ** (h + 1) - low ** (h + 1)) / (h + 1)
        out += np.where(area > 0, area**e, 0) * piece
        low = float(high)
    return out
