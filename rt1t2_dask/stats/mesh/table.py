"""Clusters of maps of vertices as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.stats.mesh.cluster_types import MeshCluster, MeshClusterMap

COLUMNS = (
    "cluster", "sign", "hemisphere", "vertices", "area_mm2", "mass", "peak_t", "peak_zscore",
    "peak_vertex", "peak_x_mm", "peak_y_mm", "peak_z_mm", "centre_x_mm", "centre_y_mm",
    "centre_z_mm", "region", "regions",
)  # fmt: skip


def mesh_table(
    maps: Sequence[MeshClusterMap], p_maps: Mapping[str, NDArray[Any]] | None = None
) -> pd.DataFrame:
    """Tabulate the clusters of one contrast, numbered across both signs.

    Parameters
    ----------
    maps : sequence of MeshClusterMap
        Usually positive, then negative.
    p_maps : mapping of str to ndarray, shape (vertex,), optional
        Columns to add with each map's value at the peak, such as the ``p_fwe``, ``p_fwe_extent``,
        ``p_fwe_mass`` and ``p_fwe_tfce`` of :func:`rt1t2_dask.stats.permutation_test`. Those of
        extent and mass are the cluster's own where its height threshold formed both.

    Returns
    -------
    DataFrame
        ``COLUMNS`` and those of ``p_maps``; ``peak_vertex`` counts within the hemisphere.
    """
    known = {name: np.asarray(values) for name, values in (p_maps or {}).items()}
    rows = [
        _row(cluster) | {name: float(p[cluster.peak.vertex]) for name, p in known.items()}
        for one in maps
        for cluster in one.clusters
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *known])
    return table.assign(cluster=np.arange(1, len(rows) + 1))


def _row(cluster: MeshCluster) -> dict[str, Any]:
    peak, axes = cluster.peak, ("x", "y", "z")
    return (
        {
            "sign": cluster.sign,
            "hemisphere": peak.hemisphere,
            "vertices": cluster.vertices,
            "area_mm2": cluster.area_mm2,
            "mass": cluster.mass,
            "peak_t": peak.t,
            "peak_zscore": peak.z,
            "peak_vertex": peak.hemisphere_vertex,
            "region": peak.region,
            "regions": cluster.regions,
        }
        | {f"peak_{a}_mm": v for a, v in zip(axes, peak.mm, strict=True)}
        | {f"centre_{a}_mm": v for a, v in zip(axes, cluster.centre_mm, strict=True)}
    )
