"""Template surfaces fitted to the ribbon of tissue maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.surface.mesh import Mesh, thickness

Points = NDArray[np.float64]

HALF = 0.5
REACH_MM, STEP_MM = 4.0, 0.5
ROUNDS, SMOOTHINGS, STEP, EVEN = 15, 4, 0.6, 0.5
"""Set on the ICBM152 2009a ribbon: more rounds change the median distance by under 0.01 mm."""
LEAST_MM, MOST_MM = 1.5, 4.5
"""Thickness of the ribbon: fsaverage is thinner than a voxel where it averages over people."""


@dataclass(frozen=True)
class Cortex:
    """White and pial surface of one hemisphere, vertices in correspondence, in template mm."""

    white: Mesh
    pial: Mesh


@dataclass(frozen=True)
class Fit:
    """How far the white surface lies from where white matter fills half a voxel, along normals.

    Parameters
    ----------
    before_mm, after_mm : float
        Median distance of the vertices that have such a place within 4 mm.
    p95_mm : float
        95th percentile after the fit.
    share : float
        Share of vertices that have such a place.
    """

    before_mm: float
    after_mm: float
    p95_mm: float
    share: float


def fit_cortex(white: Mesh, pial: Mesh, grey: Volume, whiteness: Volume) -> tuple[Cortex, Fit]:
    """Move a template's surfaces to the ribbon of tissue maps.

    Parameters
    ----------
    white, pial : Mesh
        In the mm of the maps.
    grey, whiteness : Volume
        Shares of grey and of white matter, 0 to 1.

    Notes
    -----
    The white surface moves along its normals, smoothly over the mesh, to where white matter
    fills half a voxel; the pial surface keeps the thickness of the template, within 1.5 to
    4.5 mm, and stays in tissue.
    """
    wanted = np.clip(thickness(white, pial), LEAST_MM, MOST_MM)
    fitted = white
    first = distance_mm(white, whiteness)
    for _ in range(ROUNDS):
        found = distance_mm(fitted, whiteness)
        move = _smoothed(fitted, np.nan_to_num(found), np.isfinite(found))
        moved = fitted.vertices + STEP * move[:, None] * fitted.normals
        fitted = _evened(fitted.moved(moved))
    last = distance_mm(fitted, whiteness)
    outward = _smoothed_vectors(fitted)
    tissue = grey.with_data(grey.data + whiteness.data)
    outer = fitted.vertices + _within(tissue, fitted, outward, wanted)[:, None] * outward
    return Cortex(fitted, fitted.moved(outer)), _fit(first, last)


def distance_mm(surface: Mesh, share: Volume) -> Points:
    """Return the signed distance along each normal to where a share falls to half.

    Returns
    -------
    ndarray, shape (vertex,)
        Positive outward; NaN where there is none within 4 mm.
    """
    steps = np.arange(-REACH_MM, REACH_MM + STEP_MM / 2, STEP_MM)
    at = _sampler(share)
    profile = np.stack([at(surface.vertices + s * surface.normals) for s in steps], axis=1)
    falls = (profile[:, :-1] >= HALF) & (profile[:, 1:] < HALF)
    inner, outer = profile[:, :-1], profile[:, 1:]
    part = np.divide(inner - HALF, inner - outer, out=np.zeros_like(inner), where=inner > outer)
    place = np.where(falls, steps[:-1] + part * STEP_MM, np.inf)
    nearest = np.abs(place).argmin(axis=1)
    found = place[np.arange(len(place)), nearest]
    return np.where(np.isfinite(found), found, np.nan)


def _sampler(share: Volume) -> Callable[[Points], Points]:
    data, inverse = share.data.astype(np.float64), np.linalg.inv(share.affine)

    def at(points: Points) -> Points:
        voxels = points @ inverse[:3, :3].T + inverse[:3, 3]
        return np.asarray(map_coordinates(data, voxels.T, order=1, mode="constant"))

    return at


def _smoothed(surface: Mesh, values: Points, known: NDArray[np.bool_]) -> Points:
    """Average over neighbours; the unknown takes the value of those that are known."""
    joined = surface.adjacency.astype(np.float64)
    weight = known.astype(np.float64)
    total = values * weight
    for _ in range(SMOOTHINGS):
        total, weight = total + joined @ total, weight + joined @ weight
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)


def _evened(surface: Mesh) -> Mesh:
    """Move vertices within the surface towards the mean of their neighbours: no face folds."""
    joined = surface.adjacency.astype(np.float64)
    count = joined.sum(axis=1)
    away = joined @ surface.vertices / np.asarray(count) - surface.vertices
    outward = (away * surface.normals).sum(axis=1, keepdims=True) * surface.normals
    return surface.moved(surface.vertices + EVEN * (away - outward))


def _smoothed_vectors(surface: Mesh) -> Points:
    everywhere = np.ones(len(surface.vertices), bool)
    normals = [_smoothed(surface, surface.normals[:, k], everywhere) for k in range(3)]
    vectors = np.stack(normals, axis=1)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _within(tissue: Volume, white: Mesh, outward: Points, wanted: Points) -> Points:
    """Shorten the wanted thickness to where tissue ends, but not below the least."""
    at, kept = _sampler(tissue), np.full(len(wanted), LEAST_MM)
    inside = np.ones(len(wanted), bool)
    for depth in np.arange(LEAST_MM, MOST_MM + STEP_MM / 2, STEP_MM):
        inside &= at(white.vertices + depth * outward) >= HALF
        kept = np.where(inside, np.minimum(wanted, depth), kept)
    return kept


def _fit(first: Points, last: Points) -> Fit:
    known = np.isfinite(last)
    size = np.abs(last[known])
    before = float(np.nanmedian(np.abs(first)))
    return Fit(before, float(np.median(size)), float(np.percentile(size, 95)), float(known.mean()))
