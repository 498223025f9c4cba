"""The cotangent Laplacian of a mesh, and mean curvature by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rt1t2_dask.surface.mesh import Mesh

Float = NDArray[np.float64]
# A triangle thinner than this (area in squared edges) has no usable cotangents: 0.1 degree.
THINNEST = 1e-3


def cotangents(mesh: Mesh) -> Float:
    """Return the cotangents of each triangle's angles, shape (face, 3).

    Notes
    -----
    Of triangles thinner than `THINNEST` they are those of that thinness.
    """
    corners = mesh.vertices[mesh.faces]
    ahead, behind = np.roll(corners, -1, axis=1) - corners, np.roll(corners, 1, axis=1) - corners
    dot = np.einsum("fcx,fcx->fc", ahead, behind)
    longest = np.einsum("fcx,fcx->fc", ahead, ahead).max(axis=1, initial=0)
    least = np.maximum(THINNEST * longest, np.finfo(float).tiny)
    return np.asarray(dot / np.maximum(2 * mesh.face_areas, least)[:, None])


def stiffness(mesh: Mesh) -> sparse.csr_matrix:
    """Return the positive cotangent Laplacian (Pinkall & Polthier 1993), shape (vertex, vertex).

    Rows sum to 0; ``u @ stiffness @ u`` is the integral of the squared gradient of u.
    """
    n = len(mesh.vertices)
    half = cotangents(mesh) / 2
    start = mesh.faces[:, [1, 2, 0]].ravel()
    end = mesh.faces[:, [2, 0, 1]].ravel()
    weight = half.ravel()
    rows, columns = np.concatenate([start, end]), np.concatenate([end, start])
    edges = sparse.csr_matrix((np.concatenate([weight, weight]), (rows, columns)), shape=(n, n))
    total = np.asarray(edges.sum(axis=1)).ravel()
    return sparse.csr_matrix(sparse.diags(total) - edges)


def mixed_areas(mesh: Mesh) -> Float:
    """Return Voronoi areas in mm^2, of obtuse triangles by halves and quarters, shape (vertex,).

    Meyer, Desbrun, Schroder & Barr 2003, Visualization and Mathematics III:35-57.
    """
    cot = cotangents(mesh)
    corners = mesh.vertices[mesh.faces]
    opposite = np.roll(corners, -1, axis=1) - np.roll(corners, 1, axis=1)
    squared = np.einsum("fcx,fcx->fc", opposite, opposite)
    share = squared * cot / 8
    voronoi = np.roll(share, 1, axis=1) + np.roll(share, -1, axis=1)
    obtuse = cot < 0
    halves = np.where(obtuse, 0.5, 0.25) * mesh.face_areas[:, None]
    areas = np.where(obtuse.any(axis=1, keepdims=True), halves, voronoi)
    total = np.bincount(mesh.faces.ravel(), areas.ravel(), minlength=len(mesh.vertices))
    return np.asarray(total, np.float64)


def mean_curvature(mesh: Mesh) -> Float:
    """Return mean curvature (k1 + k2) / 2 in 1/mm, shape (vertex,).

    Positive where the surface bulges outward (gyral crowns; 1 / r on a sphere of radius r),
    negative in sulci: FreeSurfer's ``curv`` with the sign changed. The cotangent formula over
    mixed areas of Meyer et al. 2003; 0 at a vertex without triangles.
    """
    vector = stiffness(mesh) @ mesh.vertices
    areas = mixed_areas(mesh)
    along = np.einsum("vx,vx->v", vector, mesh.normals)
    return np.asarray(along / np.where(areas > 0, 2 * areas, 1) * (areas > 0))
