"""Stage `surface_clusters`: clusters of a contrast on vertices, with area, peak and corrected p."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.surface.regions import cluster_regions
from rt1t2_dask.pipelines.surface.template import middles, search_mesh
from rt1t2_dask.stats.clusters.components import Sign
from rt1t2_dask.stats.mesh.cluster_types import MeshClusterMap
from rt1t2_dask.stats.mesh.clusters import mesh_clusters
from rt1t2_dask.stats.mesh.table import mesh_table

TABLE, LABELS = "surface_clusters.tsv", "surface_clusters"
CORRECTED = {
    "p_fwe_max_t": "surface_p_fwe",
    "p_fwe_extent": "surface_p_fwe_extent",
    "p_fwe_mass": "surface_p_fwe_mass",
    "p_fwe_tfce": "surface_p_fwe_tfce",
}
SIGNS: tuple[Sign, ...] = ("positive", "negative")


class ClusterSettings(StageSettings):
    """Cluster-forming p, one-sided, the smallest area kept, mm^2, and the common mesh."""

    p: float
    extent_mm2: float
    mesh: str = "fsaverage5"


def make(inputs: Inputs) -> Made:
    """Find the clusters of both signs, and table them with their peaks."""
    settings, record = inputs.settings_as(ClusterSettings), inputs.record("contrast")
    hemispheres, mesh = middles(settings.mesh), search_mesh(settings.mesh)
    found = [
        mesh_clusters(
            inputs.array("contrast", "surface_t").astype(np.float64),
            mesh.faces,
            mesh.areas,
            np.concatenate([own.vertices for own in hemispheres]),
            inputs.array("contrast", "surface_dof").astype(np.float64),
            sign=sign,
            p=settings.p,
            extent_mm2=settings.extent_mm2,
            nominal_dof=record["dof"],
            numerator=record["numerator"],
            regions=cluster_regions(inputs.task, settings.mesh),
            left_vertices=len(hemispheres[0].vertices),
        )
        for sign in SIGNS[: 1 if record["numerator"] else 2]
    ]
    rows = mesh_table(found, _corrected(inputs))
    numbered = table(LABELS, _numbered(found))
    return Made(
        xr.Dataset({LABELS: numbered}),
        {"clusters": len(rows), "height": found[0].height},
        {TABLE: tsv_file(rows)},
    )


def _corrected(inputs: Inputs) -> dict[str, NDArray[np.float64]]:
    """Return the family-wise p of each vertex, where the contrast was permuted."""
    if not inputs.parts("permute"):
        return {}
    there = inputs.dataset("permute")
    known = {column: name for column, name in CORRECTED.items() if name in there}
    return {c: 10.0 ** -there[name].to_numpy().astype(np.float64) for c, name in known.items()}


def _numbered(found: list[MeshClusterMap]) -> NDArray[np.int32]:
    """Return the number of each vertex's cluster, across both signs."""
    numbers, before = np.zeros(len(found[0].labels), np.int32), 0
    for one in found:
        inside = one.labels > 0
        numbers[inside] = one.labels[inside] + before
        before += len(one.clusters)
    return numbers
