"""Stage `clusters`: the cluster table of a contrast."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.atlas import neuromorphometrics, on_grid
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.stats.clusters import peak_table
from rt1t2_dask.stats.clusters.cluster_table import annotate, at_peak, table
from rt1t2_dask.stats.clusters.components import ClusterMap, Sign, find
from rt1t2_dask.stats.clusters.random_field import SearchVolume, critical_height
from rt1t2_dask.stats.clusters.threshold_table import expected

TABLE, PEAKS = "clusters.tsv", "peaks.tsv"
SIGNS: Final[tuple[Sign, Sign]] = ("positive", "negative")


class ClusterSettings(StageSettings):
    """The height, as p, and the extent that clusters are above."""

    p: float
    extent_mm3: float


def make(inputs: Inputs) -> Made:
    """Find the clusters of both signs, and table them with their peaks."""
    record, settings = inputs.record("contrast"), inputs.settings_as(ClusterSettings)
    t_map, dof = inputs.volume("contrast", "stat_t"), inputs.volume("contrast", "stat_dof").data
    found = [
        find(
            t_map.data,
            t_map.affine,
            dof,
            sign=sign,
            p=settings.p,
            extent_mm3=settings.extent_mm3,
            nominal_dof=record["dof"],
            numerator=record["numerator"],
        )
        for sign in SIGNS[: 1 if record["numerator"] else 2]
    ]
    volume = SearchVolume(
        record["dof"],
        record["voxels"],
        np.asarray(record["fwhm_voxels"]),
        np.asarray(record["resels"]),
        record["numerator"],
    )
    atlas = neuromorphometrics(inputs.asset(ATLAS))
    labels, lesions = on_grid(atlas, t_map.grid), lesions_on(inputs, t_map.grid)
    notes = [annotate(m, labels, atlas.names, t_map.grid, lesions) for m in found]
    rows = table(found, volume, notes)
    numbers = to_array("clusters", t_map.with_data(_numbered(found)), space=_space(inputs))
    peaks = peak_table.table(found, volume, lambda p: at_peak(p, labels, atlas.names, t_map.grid))
    files = {TABLE: tsv_file(rows), PEAKS: tsv_file(peaks)}
    return Made(xr.Dataset({"clusters": numbers}), _summary(found, volume, t_map.grid), files)


def _summary(found: list[ClusterMap], volume: SearchVolume, grid: Grid) -> dict[str, Any]:
    """Return the summary that SPM12 prints under its table."""
    return {
        "height": found[0].height,
        "extent_voxels": found[0].extent_voxels,
        "set": {s: peak_table.set_level(m, volume) for s, m in zip(SIGNS, found, strict=False)},
        "expected": expected(found[0].height, found[0].extent_voxels, volume),
        "critical_fwe": critical_height(volume),
        "fwhm_mm": (volume.fwhm * grid.voxel_mm).tolist(),
        "resels": volume.resels.tolist(),
        "voxels": volume.voxels,
    }


def lesions_on(inputs: Inputs, grid: Grid) -> NDArray[np.bool_] | None:
    """Return the voxels inside any person's lesion; None when nobody has a lesion mask."""
    people = range(len(inputs.parts("lesion")))
    masks = [inputs.optional_volume("lesion", "lesion_template", k) for k in people]
    known = [mask for mask in masks if mask is not None]
    if not known:
        return None
    return np.asarray(np.any([_on(mask, grid) for mask in known], axis=0))


def _on(mask: Volume, grid: Grid) -> NDArray[np.bool_]:
    same = mask.grid.same_as(grid)
    return np.asarray((mask if same else to_grid(mask, grid, order=0)).data, dtype=bool)


def _numbered(found: list[ClusterMap]) -> NDArray[np.int32]:
    numbered = np.zeros_like(found[0].labels)
    before = 0
    for one in found:
        numbered[one.labels > 0] = one.labels[one.labels > 0] + before
        before += len(one.clusters)
    return np.asarray(numbered, dtype=np.int32)


def _space(inputs: Inputs) -> Any:
    return inputs.dataset("contrast")["stat_t"].attrs["space"]
