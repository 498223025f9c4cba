"""What a search for clusters on a mesh takes and finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.clusters.components import Sign

Float = NDArray[np.float64]
Hemisphere = Literal["left", "right", ""]


@dataclass(frozen=True)
class Regions:
    """A parcellation: the label of each vertex, shape (vertex,), and the names of the labels."""

    labels: NDArray[Any]
    names: Mapping[int, str]


@dataclass(frozen=True)
class MeshPeak:
    """A local maximum on a mesh.

    Parameters
    ----------
    t, t_nominal, z : float
        t with the map's sign, t at the nominal degrees of freedom, z.
    vertex : int
        Of the map, from 0; hemispheres counted on.
    hemisphere : {"left", "right", ""}
        Empty where the map's hemispheres are not told apart.
    hemisphere_vertex : int
        Of the hemisphere's own surface file, from 0.
    mm : tuple of float
        Place on the surface that was given, usually the midthickness.
    region : str
        Parcel at the vertex; empty without a parcellation.
    """

    t: float
    t_nominal: float
    z: float
    vertex: int
    hemisphere: Hemisphere
    hemisphere_vertex: int
    mm: tuple[float, float, float]
    region: str


@dataclass(frozen=True)
class MeshCluster:
    """A connected set of suprathreshold vertices.

    Parameters
    ----------
    label : int
        Its value in ``MeshClusterMap.labels``, from 1, highest peak first.
    sign : {"positive", "negative"}
        Side of zero.
    vertices : int
        Vertices.
    area_mm2 : float
        Sum of their areas.
    mass : float
        Sum of excess x area over the height threshold, t x mm^2.
    maxima : tuple of MeshPeak
        The peak, then at most ``n_maxima - 1`` further maxima far enough apart.
    centre_mm : tuple of float
        Mean place of the vertices weighted by area; off the surface where it is curved.
    regions : str
        Parcels with their share of the area, largest first; empty without a parcellation.
    """

    label: int
    sign: Sign
    vertices: int
    area_mm2: float
    mass: float
    maxima: tuple[MeshPeak, ...]
    centre_mm: tuple[float, float, float]
    regions: str

    @property
    def peak(self) -> MeshPeak:
        """The highest maximum."""
        return self.maxima[0]


@dataclass(frozen=True)
class MeshClusterMap:
    """Clusters of one sign, with the extents and maxima of all.

    Parameters
    ----------
    clusters : tuple of MeshCluster
        Those of at least the extent threshold, highest peak first.
    labels : ndarray of int32, shape (vertex,)
        Cluster of each vertex, 0 for none.
    height : float
        The height threshold in t, at the nominal degrees of freedom.
    extent_mm2 : float
        Smallest area kept.
    areas_mm2 : ndarray
        Areas of all suprathreshold clusters, kept or not.
    maxima_t : ndarray
        All suprathreshold local maxima, of all clusters, highest first.
    """

    clusters: tuple[MeshCluster, ...]
    labels: NDArray[np.int32]
    height: float
    extent_mm2: float
    areas_mm2: Float
    maxima_t: Float
