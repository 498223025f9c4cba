"""Clusters as rows of a table: statistics, anatomy, lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.stats.clusters import random_field
from rt1t2_dask.stats.clusters.components import Cluster, ClusterMap, Peak
from rt1t2_dask.stats.clusters.peak_table import chance, q_by_height
from rt1t2_dask.stats.multiplicity import benjamini_hochberg

EXTENT = ("extent_p_fwe_rft", "extent_q_fdr", "extent_p_uncorrected", "extent_p_fwe_permutation")
PEAK = ("peak_p_fwe_rft", "peak_q_fdr", "peak_p_uncorrected", "peak_p_fwe_permutation")
# Column names of the previous release, written beside the new ones for one release.
OLD_NAMES = {
    "p_uncorrected": "extent_p_uncorrected",
    "p_fwe_rft": "extent_p_fwe_rft",
    "q_fdr": "extent_q_fdr",
}
COLUMNS = (
    "cluster", "sign", "voxels", "volume_mm3", *EXTENT, "peak_t", "peak_zscore", *PEAK,
    "peak_x_mm", "peak_y_mm", "peak_z_mm", "centre_x_mm", "centre_y_mm", "centre_z_mm",
    "region", "regions", "lesion_overlap", *OLD_NAMES, "p_fwe_permutation",
)  # fmt: skip
NEAREST_MM = 10.0
UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class Annotation:
    """Anatomy of one cluster.

    Parameters
    ----------
    region : str
        Label at the peak, else the nearest within 10 mm with its distance.
    regions : str
        All labels with their fraction of the cluster, largest first.
    lesion_overlap : float
        Fraction of voxels inside any participant's lesion, 0 to 1; NaN when unknown.
    """

    region: str
    regions: str
    lesion_overlap: float


def annotate(
    cluster_map: ClusterMap,
    labels: NDArray[Any],
    names: Mapping[int, str],
    grid: Grid,
    lesion_any: NDArray[np.bool_] | None = None,
) -> list[Annotation]:
    """Label the anatomy of each cluster.

    Parameters
    ----------
    cluster_map : ClusterMap
        From :func:`rt1t2_dask.stats.clusters.components.find`.
    labels : ndarray of int, shape (x, y, z)
        Atlas on the grid of the map; 0 is no label.
    names : mapping of int to str
        Label to region.
    grid : Grid
        Grid of the map.
    lesion_any : ndarray of bool, shape (x, y, z), optional
        Voxels inside any participant's lesion.

    Returns
    -------
    list of Annotation
        One a cluster, in its order.
    """
    return [
        Annotation(
            region=at_peak(cluster.peak, labels, names, grid),
            regions=shares(labels[cluster_map.labels == cluster.label], names),
            lesion_overlap=(
                float("nan")
                if lesion_any is None
                else float(lesion_any[cluster_map.labels == cluster.label].mean())
            ),
        )
        for cluster in cluster_map.clusters
    ]


def table(
    maps: Sequence[ClusterMap],
    volume: random_field.SearchVolume | None = None,
    annotations: Sequence[Sequence[Annotation]] | None = None,
) -> pd.DataFrame:
    """Tabulate the clusters of one contrast, numbered across both signs.

    Parameters
    ----------
    maps : sequence of ClusterMap
        Usually positive, then negative.
    volume : SearchVolume, optional
        For random-field p and q; NaN without.
    annotations : sequence of sequence, optional
        One entry a map and cluster.

    Returns
    -------
    DataFrame
        The columns of ``contrast-<name>_clusters.tsv``; NaN where not computed. Extent and peak
        have p and q of their own, of random fields one-sided for each sign, as SPM12's table.
    """
    rows: list[dict[str, Any]] = []
    for k, cluster_map in enumerate(maps):
        extent, peaks = _extent_statistics(cluster_map, volume), _peaks(cluster_map, volume)
        for i, cluster in enumerate(cluster_map.clusters):
            row = {"cluster": len(rows) + 1} | _geometry(cluster) | extent[cluster.voxels]
            row |= peaks.get(abs(cluster.peak.t_nominal), {})
            if annotations is not None:
                row |= vars(annotations[k][i])
            rows.append(row)
    made = pd.DataFrame(rows, columns=list(COLUMNS))
    return made.assign(**{old: made[new] for old, new in OLD_NAMES.items()})


def _geometry(cluster: Cluster) -> dict[str, Any]:
    peak = cluster.peak
    axes = ("x", "y", "z")
    return (
        {
            "sign": cluster.sign,
            "voxels": cluster.voxels,
            "volume_mm3": cluster.volume_mm3,
            "peak_t": peak.t,
            "peak_zscore": peak.z,
        }
        | {f"peak_{a}_mm": v for a, v in zip(axes, peak.mm, strict=True)}
        | {f"centre_{a}_mm": v for a, v in zip(axes, cluster.centre_mm, strict=True)}
    )


def _extent_statistics(
    cluster_map: ClusterMap, volume: random_field.SearchVolume | None
) -> dict[int, dict[str, float]]:
    """Map an extent to its p and q; q over all suprathreshold clusters, kept or not."""
    sizes = cluster_map.sizes
    if volume is None or len(sizes) == 0:
        return {int(s): {} for s in sizes}
    uncorrected = random_field.cluster_p_uncorrected(sizes, cluster_map.height, volume)
    corrected = random_field.cluster_p_fwe(sizes, cluster_map.height, volume)
    q = benjamini_hochberg(uncorrected)
    keys = ("extent_p_uncorrected", "extent_p_fwe_rft", "extent_q_fdr")
    return {
        int(size): dict(zip(keys, map(float, values), strict=True))
        for size, *values in zip(sizes, uncorrected, corrected, q, strict=True)
    }


def _peaks(
    cluster_map: ClusterMap, volume: random_field.SearchVolume | None
) -> dict[float, dict[str, float]]:
    """Map the height of each cluster's peak to its p and q."""
    if volume is None:
        return {}
    q = q_by_height(cluster_map, volume)
    keys = ("peak_p_uncorrected", "peak_p_fwe_rft", "peak_q_fdr")
    heights = (abs(cluster.peak.t_nominal) for cluster in cluster_map.clusters)
    return {t: dict(zip(keys, (*chance(t, volume), q[t]), strict=True)) for t in heights}


def at_peak(peak: Peak, labels: NDArray[Any], names: Mapping[int, str], grid: Grid) -> str:
    """Return the label at a peak, else the nearest within 10 mm with its distance."""
    here = int(labels[peak.voxel])
    if here in names:
        return names[here]
    reach = np.ceil(NEAREST_MM / grid.voxel_mm).astype(int)
    centre = np.array(peak.voxel)
    low = np.maximum(centre - reach, 0)
    window = labels[tuple(slice(a, b) for a, b in zip(low, centre + reach + 1, strict=True))]
    where = np.argwhere(np.isin(window, list(names)))
    if len(where) == 0:
        return UNLABELLED
    offset = (where + low - centre) @ np.asarray(grid.affine, np.float64)[:3, :3].T
    distance = np.linalg.norm(offset, axis=1)
    nearest = int(np.argmin(distance))
    if distance[nearest] > NEAREST_MM:
        return UNLABELLED
    return f"{names[int(window[tuple(where[nearest])])]} ({distance[nearest]:.0f} mm)"


def shares(
    inside: NDArray[Any], names: Mapping[int, str], weights: NDArray[Any] | None = None
) -> str:
    """Return the names of labels with their fractions, largest first, as text.

    Parameters
    ----------
    inside : ndarray of int
        Label of each voxel or vertex of a cluster.
    names : mapping of int to str
        Label to region; other labels are unlabelled.
    weights : ndarray, optional
        Size of each, such as mm^2; default equal.
    """
    named = np.where(np.isin(inside, list(names)), inside, 0)
    values, own = np.unique(named, return_inverse=True)
    sizes = np.bincount(own.ravel(), weights)
    order = np.lexsort((values, -sizes))
    parts = [(names.get(int(values[k]), UNLABELLED), sizes[k] / sizes.sum()) for k in order]
    return "; ".join(f"{name} {_percent(share)}" for name, share in parts)


def _percent(share: float) -> str:
    return "<1 %" if share < 0.005 else f"{100 * share:.0f} %"
