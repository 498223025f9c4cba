"""Suprathreshold clusters of a map of vertices, with their peaks and parcels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.clusters.cluster_table import UNLABELLED, shares
from rt1t2_dask.stats.clusters.components import (
    Sign,
    at_nominal,
    far_apart,
    first_of_each,
    triple,
)
from rt1t2_dask.stats.clusters.random_field import height, peak_z
from rt1t2_dask.stats.mesh.cluster_types import (
    Hemisphere,
    MeshCluster,
    MeshClusterMap,
    MeshPeak,
    Regions,
)
from rt1t2_dask.stats.mesh.neighbourhood import Neighbourhood, SearchMesh, neighbourhood

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


def mesh_clusters(
    t_map: NDArray[Any],
    faces: NDArray[Any],
    areas: NDArray[Any],
    coordinates: NDArray[Any],
    dof: float | NDArray[Any],
    *,
    sign: Sign = "positive",
    p: float = 0.001,
    t_height: float | None = None,
    extent_mm2: float = 0.0,
    nominal_dof: float | None = None,
    numerator: int | None = None,
    n_maxima: int = 3,
    apart_mm: float = 8.0,
    regions: Regions | None = None,
    left_vertices: int | None = None,
) -> MeshClusterMap:
    """Find the clusters of one sign of a t map on a mesh.

    Parameters
    ----------
    t_map : ndarray, shape (vertex,)
        NaN where not tested.
    faces : ndarray of int, shape (face, 3)
        Of one hemisphere, or of both joined.
    areas : ndarray, shape (vertex,)
        mm^2.
    coordinates : ndarray, shape (vertex, 3)
        mm, usually of the midthickness.
    dof : float or ndarray, shape (vertex,)
        Degrees of freedom; where they vary, t is first converted to ``nominal_dof`` at equal p.
    sign : {"positive", "negative"}
        Which tail.
    p : float
        One-sided cluster-forming threshold; vertices strictly above its t are suprathreshold.
    t_height : float, optional
        The height threshold in t, instead of ``p``.
    extent_mm2 : float
        Smallest area kept; infinite keeps none.
    nominal_dof : float, optional
        Default: the largest of ``dof``.
    numerator : int, optional
        Numerator degrees of freedom of an F map, which has only a positive sign.
    n_maxima, apart_mm
        Maxima listed per cluster, and the straight-line distance in mm that they exceed.
    regions : Regions, optional
        Parcellation on the same vertices.
    left_vertices : int, optional
        How many vertices, the first, belong to the left hemisphere.

    Returns
    -------
    MeshClusterMap

    Raises
    ------
    UserError
        The map, areas, coordinates or labels differ in their number of vertices.

    Notes
    -----
    SPM12's rules for volumes (:func:`rt1t2_dask.stats.clusters.components.find`), with vertices
    that share an edge as neighbours.
    """
    _require_one_mesh(t_map, areas, coordinates, regions)
    nominal = float(np.nanmax(dof)) if nominal_dof is None else nominal_dof
    u = height(p, nominal, numerator) if t_height is None else t_height
    side = 1.0 if sign == "positive" else -1.0
    comparable = side * at_nominal(t_map, dof, nominal, numerator)
    space = neighbourhood(SearchMesh(faces, areas))
    above = np.nan_to_num(comparable, nan=-np.inf) > u
    raw, count = space.components(above)
    sizes = np.asarray(np.bincount(raw, space.areas, count + 1)[1:], np.float64)
    peaks = _maxima(comparable, above, space)
    owner = raw[peaks]
    kept = [c for c in owner[first_of_each(owner)].tolist() if sizes[c - 1] >= extent_mm2]
    relabel = np.zeros(count + 1, np.int32)
    relabel[kept] = np.arange(1, len(kept) + 1)
    labels = relabel[raw]
    context = _Context(
        t_map, comparable, np.asarray(coordinates, np.float64), space.areas, sign, nominal,
        numerator, u, regions, left_vertices,
    )  # fmt: skip
    listed = []
    for label, c in enumerate(kept, start=1):
        own = peaks[owner == c]
        chosen = far_apart(context.places[own], n_maxima, apart_mm)
        listed.append(_describe(label, np.flatnonzero(labels == label), own[chosen], context))
    return MeshClusterMap(tuple(listed), labels, u, extent_mm2, sizes, comparable[peaks])


def _require_one_mesh(
    t_map: NDArray[Any], areas: NDArray[Any], coordinates: NDArray[Any], regions: Regions | None
) -> None:
    vertices = {"map": np.shape(t_map), "areas": np.shape(areas), "mm": np.shape(coordinates)[:1]}
    if regions is not None:
        vertices["labels"] = np.shape(regions.labels)
    if len(set(vertices.values())) > 1 or np.shape(coordinates)[1:] != (3,):
        said = ", ".join(f"{name} {shape}" for name, shape in vertices.items())
        raise UserError(f"mesh clusters: {said}; give all of them for the same vertices.")


@dataclass(frozen=True)
class _Context:
    t: NDArray[Any]
    comparable: Float
    places: Float
    areas: Float
    sign: Sign
    dof: float
    numerator: int | None
    height: float
    regions: Regions | None
    left_vertices: int | None

    def hemisphere(self, vertex: int) -> tuple[Hemisphere, int]:
        if self.left_vertices is None:
            return "", vertex
        if vertex < self.left_vertices:
            return "left", vertex
        return "right", vertex - self.left_vertices

    def region(self, vertex: int) -> str:
        if self.regions is None:
            return ""
        return self.regions.names.get(int(self.regions.labels[vertex]), UNLABELLED)


def _maxima(values: Float, above: Bool, space: Neighbourhood) -> NDArray[np.intp]:
    """Return suprathreshold vertices no lower than any neighbour, highest first."""
    one, other = space.edges()
    known = np.where(above, values, -np.inf)
    around = np.full(len(values), -np.inf)
    np.maximum.at(around, one, known[other])
    np.maximum.at(around, other, known[one])
    where = np.flatnonzero(above & (known >= around))
    return where[np.argsort(-values[where], kind="stable")]


def _peak(vertex: int, context: _Context) -> MeshPeak:
    side = 1.0 if context.sign == "positive" else -1.0
    nominal = float(context.comparable[vertex])
    hemisphere, own = context.hemisphere(vertex)
    return MeshPeak(
        t=float(context.t[vertex]),
        t_nominal=side * nominal,
        z=side * float(peak_z(nominal, context.dof, context.numerator)),
        vertex=vertex,
        hemisphere=hemisphere,
        hemisphere_vertex=own,
        mm=triple(context.places[vertex]),
        region=context.region(vertex),
    )


def _describe(
    label: int, inside: NDArray[np.intp], maxima: NDArray[np.intp], context: _Context
) -> MeshCluster:
    area = context.areas[inside]
    weight = area if area.sum() > 0 else np.ones(len(inside))
    named = "" if context.regions is None else shares(
        context.regions.labels[inside], context.regions.names, weight
    )  # fmt: skip
    return MeshCluster(
        label=label,
        sign=context.sign,
        vertices=len(inside),
        area_mm2=float(area.sum()),
        mass=float(area @ (context.comparable[inside] - context.height)),
        maxima=tuple(_peak(int(v), context) for v in maxima),
        centre_mm=triple(np.average(context.places[inside], axis=0, weights=weight)),
        regions=named,
    )
