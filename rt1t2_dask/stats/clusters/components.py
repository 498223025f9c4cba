"""Suprathreshold clusters with their peaks (SPM12's rules)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cc3d
import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Affine
from rt1t2_dask.stats.clusters.random_field import height, peak_z
from rt1t2_dask.stats.scores import at_dof, f_at_dof

Float = NDArray[np.float64]
Sign = Literal["positive", "negative"]
EDGE_NEIGHBOURS = [
    (x, y, z)
    for x in (-1, 0, 1)
    for y in (-1, 0, 1)
    for z in (-1, 0, 1)
    if 0 < abs(x) + abs(y) + abs(z) < 3
]


@dataclass(frozen=True)
class Peak:
    """A local maximum: its t with the map's sign, t at nominal dof, z, voxel and place in mm."""

    t: float
    t_nominal: float
    z: float
    voxel: tuple[int, int, int]
    mm: tuple[float, float, float]


@dataclass(frozen=True)
class Cluster:
    """A connected set of suprathreshold voxels.

    Parameters
    ----------
    label : int
        Its value in ``ClusterMap.labels``, from 1, highest peak first.
    sign : {"positive", "negative"}
        Side of zero.
    voxels : int
        Extent.
    volume_mm3 : float
        Extent in mm^3.
    maxima : tuple of Peak
        The peak, then at most ``n_maxima - 1`` further maxima far enough apart.
    centre_mm : tuple of float
        Centre of gravity weighted by absolute t.
    """

    label: int
    sign: Sign
    voxels: int
    volume_mm3: float
    maxima: tuple[Peak, ...]
    centre_mm: tuple[float, float, float]

    @property
    def peak(self) -> Peak:
        """The highest maximum."""
        return self.maxima[0]


@dataclass(frozen=True)
class ClusterMap:
    """Clusters of one sign, with the extents and maxima that corrections need.

    Parameters
    ----------
    clusters : tuple of Cluster
        Those of at least the extent threshold, highest peak first.
    labels : ndarray of int32, shape (x, y, z)
        Cluster of each voxel, 0 for none.
    height : float
        The height threshold in t, at the nominal degrees of freedom.
    extent_voxels : int
        Smallest extent kept.
    sizes : ndarray of int
        Extents of all suprathreshold clusters, kept or not.
    maxima_t : ndarray
        All suprathreshold local maxima, of all clusters.
    """

    clusters: tuple[Cluster, ...]
    labels: NDArray[np.int32]
    height: float
    extent_voxels: int
    sizes: NDArray[np.int64]
    maxima_t: Float


def find(
    t_map: NDArray[Any],
    affine: Affine,
    dof: float | NDArray[Any],
    *,
    sign: Sign = "positive",
    p: float = 0.001,
    t_height: float | None = None,
    extent_mm3: float = 0.0,
    nominal_dof: float | None = None,
    numerator: int | None = None,
    n_maxima: int = 3,
    apart_mm: float = 8.0,
) -> ClusterMap:
    """Find the clusters of one sign of a t map.

    Parameters
    ----------
    t_map : ndarray, shape (x, y, z)
        NaN where not tested.
    affine : ndarray, shape (4, 4)
        Voxel to mm.
    dof : float or ndarray, shape (x, y, z)
        Degrees of freedom; where they vary, t is first converted to ``nominal_dof`` at equal p.
    sign : {"positive", "negative"}
        Which tail.
    p : float
        One-sided cluster-forming threshold; voxels strictly above its t are suprathreshold.
    t_height : float, optional
        The height threshold in t, instead of ``p``.
    extent_mm3 : float
        Smallest volume kept, in mm^3; infinite keeps none.
    nominal_dof : float, optional
        Default: the largest of ``dof``.
    numerator : int, optional
        Numerator degrees of freedom of an F map, which has only a positive sign.
    n_maxima, apart_mm
        Maxima listed per cluster, and their minimum distance in mm.

    Returns
    -------
    ClusterMap

    Notes
    -----
    18-connected clusters and maxima among 18 neighbours, as SPM12.
    """
    nominal = float(np.nanmax(dof)) if nominal_dof is None else nominal_dof
    u = height(p, nominal, numerator) if t_height is None else t_height
    side = 1.0 if sign == "positive" else -1.0
    comparable = side * at_nominal(t_map, dof, nominal, numerator)
    above = np.nan_to_num(comparable, nan=-np.inf) > u
    raw = np.asarray(cc3d.connected_components(above, connectivity=18), np.int32)
    edges = np.asarray(affine, np.float64)[:3, :3].T
    voxel_mm3 = abs(float(np.cross(edges[0], edges[1]) @ edges[2]))  # exact where det rounds
    extent = max(int(min(np.ceil(extent_mm3 / voxel_mm3 - 1e-6), t_map.size + 1)), 0)
    sizes = np.bincount(raw.ravel())[1:]
    peaks = _maxima(comparable, above)
    peak_cluster = raw[tuple(peaks.T)]
    heights = comparable[tuple(peaks.T)]
    first = first_of_each(peak_cluster)
    kept = [c for c in peak_cluster[first].tolist() if sizes[c - 1] >= extent]
    relabel = np.zeros(len(sizes) + 1, np.int32)
    relabel[kept] = np.arange(1, len(kept) + 1)
    labels = relabel[raw]
    context = _Context(
        t_map, comparable, np.asarray(affine, np.float64), sign, nominal, voxel_mm3, numerator
    )
    listed = []
    for label, c in enumerate(kept, start=1):
        maxima = _apart(peaks[peak_cluster == c], context, n_maxima, apart_mm)
        listed.append(_describe(label, labels, maxima, context))
    return ClusterMap(tuple(listed), labels, u, extent, sizes, heights)


def at_nominal(
    values: NDArray[Any], dof: float | NDArray[Any], nominal: float, numerator: int | None
) -> Float:
    """Return t, or with numerator degrees of freedom F, at nominal freedom and equal p."""
    if numerator is None:
        return at_dof(values, dof, nominal)
    return f_at_dof(values, numerator, dof, nominal)


@dataclass(frozen=True)
class _Context:
    t: NDArray[Any]
    comparable: Float
    affine: Affine
    sign: Sign
    dof: float
    voxel_mm3: float
    numerator: int | None

    def mm(self, voxels: NDArray[Any]) -> Float:
        return np.asarray(voxels @ self.affine[:3, :3].T + self.affine[:3, 3], np.float64)


def _maxima(values: Float, above: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return suprathreshold voxels no lower than any of their 18 neighbours, highest first."""
    where = np.argwhere(above)
    padded = np.pad(np.where(above, values, -np.inf), 1, constant_values=-np.inf)
    here = values[tuple(where.T)]
    top = np.ones(len(where), bool)
    for step in EDGE_NEIGHBOURS:
        top &= padded[tuple((where + 1 + np.array(step)).T)] <= here
    order = np.argsort(-here[top], kind="stable")
    return where[top][order]


def first_of_each(labels: NDArray[Any]) -> NDArray[np.intp]:
    """Return where each label comes first, ascending."""
    return np.sort(np.unique(labels, return_index=True)[1])


def _apart(
    peaks: NDArray[np.intp], context: _Context, n_maxima: int, apart_mm: float
) -> tuple[Peak, ...]:
    places = context.mm(peaks)
    chosen = far_apart(places, n_maxima, apart_mm)
    return tuple(_peak(peaks[k], places[k], context) for k in chosen)


def far_apart(places: Float, n_maxima: int, apart_mm: float) -> list[int]:
    """Choose the first place, then each next one farther than ``apart_mm`` from those chosen."""
    chosen = [0]
    for k in range(1, len(places)):
        if len(chosen) == n_maxima:
            break
        if np.linalg.norm(places[chosen] - places[k], axis=1).min() > apart_mm:
            chosen.append(k)
    return chosen


def _peak(voxel: NDArray[np.intp], place: Float, context: _Context) -> Peak:
    x, y, z = (int(i) for i in voxel)
    side = 1.0 if context.sign == "positive" else -1.0
    nominal = float(context.comparable[x, y, z])
    return Peak(
        t=float(context.t[x, y, z]),
        t_nominal=side * nominal,
        z=side * float(peak_z(nominal, context.dof, context.numerator)),
        voxel=(x, y, z),
        mm=triple(place),
    )


def _describe(
    label: int, labels: NDArray[np.int32], maxima: tuple[Peak, ...], context: _Context
) -> Cluster:
    where = np.argwhere(labels == label)
    weight = np.abs(context.t[tuple(where.T)]).astype(np.float64)
    centre = (context.mm(where) * weight[:, None]).sum(axis=0) / weight.sum()
    volume = len(where) * context.voxel_mm3
    return Cluster(label, context.sign, len(where), volume, maxima, triple(centre))


def triple(values: Float) -> tuple[float, float, float]:
    """Return three numbers without negative zeros."""
    x, y, z = (float(v) + 0.0 for v in values)
    return x, y, z
