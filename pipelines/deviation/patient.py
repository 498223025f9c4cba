"""Stage `deviation`: maps, clusters and regions of one patient against the controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.atlas import Atlas, neuromorphometrics, on_grid
from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings, read_scaled
from rt1t2_dask.pipelines.calibration.map_scale import joint_scale
from rt1t2_dask.pipelines.contrasts.clusters import lesions_on
from rt1t2_dask.pipelines.deviation.block import extremes_of, maps_of
from rt1t2_dask.pipelines.deviation.found import Found, beyond, clusters_of, shares_beyond
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid, scattered
from rt1t2_dask.stats.clusters.cluster_table import annotate, at_peak, table
from rt1t2_dask.stats.clusters.components import Peak
from rt1t2_dask.stats.deviation import (
    LEAST_FOR_RANK,
    left_out,
    p_by_rank,
    percent_below,
    two_sided_p,
)
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.stats.parcels import parcel_means
from rt1t2_dask.stats.scale import Scale

CLUSTERS, REGIONS = "clusters.tsv", "regions.tsv"
RANK, RANDOM_FIELD = "rank", "random field"
Float = NDArray[np.float64]


class PatientSettings(ScaleSettings):
    """Which patient of the blocks, and the model of the controls and the patient.

    Parameters
    ----------
    place : int
        Of the patient in the blocks.
    matrix : tuple of tuple of float
        A row a control, then the patient.
    least : int
        Controls who must be measured.
    p, extent_mm3 : float
        Height, one-sided for each sign, and extent of clusters.
    """

    place: int
    matrix: tuple[tuple[float, ...], ...]
    least: int
    p: float
    extent_mm3: float
    space: str


def make(inputs: Inputs) -> Made:
    """Put one patient's maps and tables together."""
    settings = inputs.settings_as(PatientSettings)
    grid, place = common_grid(inputs), settings.place
    mask = analysis_mask(inputs, grid)
    maps = {name: own[0] for name, own in maps_of(inputs, slice(place, place + 1)).items()}
    n, columns = np.shape(settings.matrix)
    fwhm = np.asarray(inputs.record("controls")["fwhm_voxels"])
    found = Found.of(maps["t"], maps["dof"], mask, grid, float(n - 1 - columns), fwhm)
    p, method = corrected(found, extremes_of(inputs, place)[:-1])
    scale = Scale(joint_scale(inputs, "block"))
    percent = scattered(scale.percent(maps["difference"], maps["expected"]), mask, grid).data
    atlas = neuromorphometrics(inputs.asset(ATLAS))
    labels = on_grid(atlas, grid)
    rows = pd.DataFrame(columns=list(_SHOWN))
    if found.voxels:
        rows = _clusters(inputs, found, settings, (atlas, labels), p["both"], percent)
    regions = _regions(inputs, settings, found, atlas, labels, scale)
    record = {
        "n_controls": n - 1,
        "dof": n - 1 - columns,
        "method": method,
        "voxels": found.voxels,
        "scale": scale.value,
        **(_summary(found, p, rows, percent, atlas, labels, settings) if found.voxels else {}),
    }
    images = {
        "t": found.t,
        "dof": found.dof,
        "percent": found.t.with_data(percent.astype(np.float32)),
        "fwe": found.t.with_data((-np.log10(p["both"])).astype(np.float32)),
    }
    arrays = {
        f"deviation_{name}": to_array(f"deviation_{name}", image, space=settings.space)
        for name, image in images.items()
    }
    return Made(xr.Dataset(arrays), record, {CLUSTERS: tsv_file(rows), REGIONS: tsv_file(regions)})


def corrected(found: Found, others: Float) -> tuple[Mapping[str, Float], str]:
    """Return family-wise p of both sides, of higher and of lower values, and the method.

    Parameters
    ----------
    found : Found
        Of the patient.
    others : ndarray, shape (control, 2)
        Largest and smallest z of each control against all others, the patient among them.
    """
    if np.isfinite(others).all(axis=1).sum() >= LEAST_FOR_RANK:
        return p_by_rank(found.z, others), RANK
    t = found.at_nominal()
    return {
        "both": found.rft_p(np.abs(t)),
        "higher": found.rft_p(t, 1),
        "lower": found.rft_p(-t, 1),
    }, RANDOM_FIELD


def _clusters(
    inputs: Inputs,
    found: Found,
    settings: PatientSettings,
    anatomy: tuple[Atlas, NDArray[np.int32]],
    p: Float,
    percent: NDArray[Any],
) -> pd.DataFrame:
    """Table the clusters of both signs, with each peak's family-wise p and the mean percent."""
    (atlas, labels), grid = anatomy, found.t.grid
    maps, lesions = clusters_of(found, settings), lesions_on(inputs, grid)
    notes = [annotate(one, labels, atlas.names, grid, lesions) for one in maps]
    each = [(own, cluster) for own in maps for cluster in own.clusters]
    peaks = [float(p[one.peak.voxel]) for _, one in each]
    means = [float(np.mean(percent[own.labels == one.label])) for own, one in each]
    rows = table(maps, found.volume, notes).assign(peak_p_fwe=peaks, percent=means)
    return rows[list(_SHOWN)]


_SHOWN = (
    *("cluster", "sign", "voxels", "volume_mm3", "extent_p_fwe_rft", "peak_t", "peak_zscore"),
    *("peak_p_fwe", "percent", "peak_x_mm", "peak_y_mm", "peak_z_mm"),
    *("region", "regions", "lesion_overlap"),
)


def _regions(
    inputs: Inputs,
    settings: PatientSettings,
    found: Found,
    atlas: Atlas,
    labels: NDArray[np.int32],
    scale: Scale,
) -> pd.DataFrame:
    """Compare the means of regions, and count their deviant voxels."""
    parts = inputs.parts("parcels")
    read = (np.asarray(inputs.array("parcels", "parcels", k), float) for k in range(len(parts)))
    data = np.stack([read_scaled(settings, k, own) for k, own in enumerate(read)])
    own = left_out(data, settings.matrix, settings.least)
    t, dof, difference = own.t[-1], own.dof[-1], own.difference[-1]
    region = [int(label) for label in inputs.array("parcels", "region")]
    higher, lower = (parcel_means(one, labels, region) for one in beyond(found, settings.p))
    p = two_sided_p(t, dof)
    return pd.DataFrame(
        {
            "region": region,
            "name": [atlas.names[label] for label in region],
            "controls": np.isfinite(data[:-1]).sum(axis=0),
            "t": t,
            "dof": dof,
            "p": p,
            "q_fdr": benjamini_hochberg(p),
            "percent": scale.percent(difference, data[-1] - difference),
            "percent_below": percent_below(t, dof),
            "share_higher": higher,
            "share_lower": lower,
        }
    )


def _summary(
    found: Found,
    p: Mapping[str, Float],
    rows: pd.DataFrame,
    percent: NDArray[Any],
    atlas: Atlas,
    labels: NDArray[np.int32],
    settings: PatientSettings,
) -> dict[str, Any]:
    """Return the largest deviation, its place and p, and how much deviates."""
    voxel, grid = found.place, found.t.grid
    t, z = float(found.t.data[voxel]), float(found.z[voxel])
    higher, lower = shares_beyond(found, settings.p)
    x, y, height = (float(v) for v in (grid.affine @ [*voxel, 1.0])[:3])
    return {
        "largest_t": t,
        "largest_z": z,
        "x_mm": x,
        "y_mm": y,
        "z_mm": height,
        "region": at_peak(Peak(t, t, z, voxel, (x, y, height)), labels, atlas.names, grid),
        "percent": None if np.isnan(percent[voxel]) else float(percent[voxel]),
        "p_fwe": float(np.nanmin(p["both"])),
        "p_fwe_higher": float(np.nanmin(p["higher"])),
        "p_fwe_lower": float(np.nanmin(p["lower"])),
        "clusters_higher": int((rows["sign"] == "positive").sum()),
        "clusters_lower": int((rows["sign"] == "negative").sum()),
        "volume_mm3": float(rows["volume_mm3"].sum()),
        "share_higher": higher,
        "share_lower": lower,
        "fwhm_mm": (found.volume.fwhm * grid.voxel_mm).tolist(),
    }
