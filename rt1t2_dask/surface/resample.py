"""Bring maps of the cortex to another mesh, by registration spheres."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.mesh import Mesh

Float = NDArray[np.float64]
Ints = NDArray[np.intp]
INSIDE: Final = 1e-9
"""How far outside a triangle, in barycentric coordinates, rounding may put a vertex on its edge."""
ROUND: Final = 0.05
"""Largest relative spread of radii of a sphere; FreeSurfer's are round to 1e-4."""
NEAREST: Final = (6, 24, 96)
"""Triangles tried by nearness of their centres, more where the first ones miss."""
LEAST_KNOWN: Final = 0.5


def barycentric(source: Mesh, target: Mesh) -> sparse.csr_matrix:
    """Return the weights of the triangle that holds each target vertex.

    Parameters
    ----------
    source, target : Mesh
        Registered spheres round the origin, of any radius.

    Returns
    -------
    csr_matrix, shape (target vertex, source vertex)
        Rows sum to 1; vertices at one place take each other's value.

    Raises
    ------
    SubjectError
        A mesh is no sphere.
    """
    points, places = _unit(source, "source"), _unit(target, "target")
    faces = _outward(points, source.faces)
    own, weights = _triangles(points, faces, places)
    rows = np.repeat(np.arange(len(places)), 3)
    shape = (len(places), len(points))
    found = sparse.csr_matrix((weights.ravel(), (rows, faces[own].ravel())), shape=shape)
    found.eliminate_zeros()
    return found


def area_corrected(
    source: Mesh, target: Mesh, source_mm2: Float, target_mm2: Float
) -> sparse.csr_matrix:
    """Return the weights of Connectome Workbench's ``ADAP_BARY_AREA``.

    Parameters
    ----------
    source, target : Mesh
        Registered spheres round the origin.
    source_mm2, target_mm2 : ndarray, shape (vertex of the mesh,)
        Vertex areas of the person's and of the target's midthickness.

    Returns
    -------
    csr_matrix, shape (target vertex, source vertex)
        Rows sum to 1.

    Raises
    ------
    SubjectError
        A mesh is no sphere, or areas are not those of its vertices.

    Notes
    -----
    Where a target vertex is named by source vertices beyond its own triangle (the target is
    coarser), it takes all of those, else its triangle. Weights are then scaled so that each source
    vertex gives as much as it has area (``SurfaceResamplingHelper::computeWeightsAdapBaryArea``).
    """
    for mesh, areas, name in ((source, source_mm2, "source"), (target, target_mm2, "target")):
        if np.shape(areas) != (len(mesh.vertices),):
            raise SubjectError(f"{name}: {len(mesh.vertices)} vertices, {np.size(areas)} areas.")
    forward = barycentric(source, target)
    gathered = sparse.csr_matrix(barycentric(target, source).T)
    beyond = (gathered > 0).astype(np.int8) - (gathered > 0).multiply(forward > 0)
    use = np.asarray(beyond.sum(axis=1)).ravel() > 0
    chosen = sparse.diags(use.astype(float)) @ gathered
    chosen = sparse.csr_matrix(chosen + sparse.diags((~use).astype(float)) @ forward)
    chosen.eliminate_zeros()
    spread = sparse.diags(np.maximum(target_mm2, np.finfo(float).tiny)) @ chosen
    given = np.asarray(spread.sum(axis=0)).ravel()
    own = np.maximum(source_mm2, np.finfo(float).tiny) / np.where(given > 0, given, 1.0)
    scaled = sparse.csr_matrix(spread @ sparse.diags(own))
    total = np.asarray(scaled.sum(axis=1)).ravel()
    return sparse.csr_matrix(sparse.diags(1 / np.where(total > 0, total, 1.0)) @ scaled)


def resampled(
    weights: sparse.csr_matrix,
    maps: NDArray[np.floating],
    cortex: NDArray[np.bool_] | None = None,
) -> Float:
    """Return maps on the target mesh, shape (..., target vertex).

    Parameters
    ----------
    weights : csr_matrix, shape (target vertex, source vertex)
    maps : ndarray, shape (..., source vertex)
        NaN where missing: the other vertices' weights are renormalised, and a target vertex with
        less than half its weight known is NaN.
    cortex : ndarray of bool, shape (target vertex,), optional
        False on the target's medial wall, which is NaN.

    Raises
    ------
    SubjectError
        The maps have another number of vertices than the weights.
    """
    values = np.asarray(maps, np.float64)
    if values.shape[-1] != weights.shape[1]:
        raise SubjectError(f"The map has {values.shape[-1]} vertices, not {weights.shape[1]}.")
    flat = values.reshape(-1, values.shape[-1]).T
    known = np.isfinite(flat)
    share = weights @ known.astype(np.float64)
    total = weights @ np.where(known, flat, 0.0)
    # Rounding must not take a weight of exactly one half for less.
    good = share >= LEAST_KNOWN - INSIDE
    if cortex is not None:
        good &= cortex[:, None]
    found = np.where(good, total / np.where(good, share, 1.0), np.nan)
    return np.asarray(found.T.reshape(*values.shape[:-1], weights.shape[0]))


def nearest(source: Mesh, target: Mesh) -> Ints:
    """Return the source vertex nearest to each target vertex, for labels, shape (target vertex,).

    Raises
    ------
    SubjectError
        A mesh is no sphere.
    """
    tree = cKDTree(_unit(source, "source"))
    return np.asarray(tree.query(_unit(target, "target"))[1], np.intp)


def _unit(sphere: Mesh, name: str) -> Float:
    radius = np.linalg.norm(sphere.vertices, axis=1)
    middle = float(np.median(radius))
    if not middle > 0 or np.abs(radius / middle - 1).max() > ROUND:
        raise SubjectError(
            f"The {name} is no sphere round the origin: vertices lie {radius.min():.1f} to "
            f"{radius.max():.1f} mm from it."
        )
    return np.asarray(sphere.vertices / radius[:, None])


def _triangles(points: Float, faces: Ints, places: Float) -> tuple[Ints, Float]:
    """Return the triangle of each direction, and its barycentric coordinates there.

    A ray from the centre meets the triangle where all coordinates are positive. Of triangles that
    all miss (a folded sphere, rounding) the one that misses least is taken.
    """
    corners = points[faces]
    centres = corners.mean(axis=1)
    tree = cKDTree(centres / np.linalg.norm(centres, axis=1, keepdims=True))
    best = np.zeros(len(places), np.intp)
    weights = np.zeros((len(places), 3))
    missed = np.full(len(places), -np.inf)
    left = np.arange(len(places))
    for count in NEAREST:
        candidates = tree.query(places[left], k=min(count, len(faces)))[1]
        found, inside, worst = _fitted(corners, candidates.reshape(len(left), -1), places[left])
        better = worst > missed[left]
        best[left[better]], weights[left[better]] = found[better], inside[better]
        missed[left[better]] = worst[better]
        left = left[missed[left] < -INSIDE]
        if not len(left):
            break
    weights = np.where(weights < INSIDE, 0.0, weights)
    return best, weights / weights.sum(axis=1, keepdims=True)


def _outward(points: Float, faces: Ints) -> Ints:
    """Return faces, two corners of all exchanged if most are clockwise seen from outside."""
    turned = np.linalg.det(points[faces]).sum() < 0
    return faces[:, [0, 2, 1]] if turned else faces


def _fitted(corners: Float, candidates: Ints, places: Float) -> tuple[Ints, Float, Float]:
    """Return of some triangles the one that holds a place best, coordinates, and the lowest."""
    a, b, c = np.moveaxis(corners[candidates], 2, 0)
    place = places[:, None, :]
    volumes = np.stack(
        [np.einsum("pkx,pkx->pk", place, np.cross(u, v)) for u, v in ((b, c), (c, a), (a, b))],
        axis=-1,
    )
    # Triangles on the far side, or seen from behind, have a sum that is not positive.
    total = volumes.sum(axis=-1, keepdims=True)
    inside = np.where(total > 0, volumes / np.where(total > 0, total, 1.0), -np.inf)
    lowest = inside.min(axis=-1)
    choice = np.argmax(lowest, axis=1)
    row = np.arange(len(places))
    return candidates[row, choice], inside[row, choice], lowest[row, choice]
