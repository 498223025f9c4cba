"""Stages `region_contrast` and `small_volume`: contrasts within regions of the user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.atlas import on_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.contrasts.regional import RegionSettings, tested_regions
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.permutations.data import RelabelSettings, Residualised, worker_bytes
from rt1t2_dask.pipelines.regions.own_atlas import OwnAtlasSettings, own_atlas
from rt1t2_dask.pipelines.voxelwise.maps import scattered
from rt1t2_dask.stats.permutation.null import p_fwe

TABLE, FWE = "small_volume.tsv", "small_volume_fwe"


class RegionContrastSettings(RegionSettings):
    """What a contrast of regions is told, and whose regions they are."""

    own: OwnAtlasSettings


class SmallVolumeSettings(RelabelSettings):
    """How a contrast is permuted within regions, and whose regions they are."""

    own: OwnAtlasSettings
    n: int


def make_contrast(inputs: Inputs) -> Made:
    """Test the contrast on the means of own regions."""
    told = inputs.settings_as(RegionContrastSettings)
    return tested_regions(inputs, own_atlas(dict(inputs.task.each_file()), told.own).names)


def make_small_volume(inputs: Inputs) -> Made:
    """Correct the contrast for the voxels of the regions alone, by the largest |t| of each.

    The search volume is the union of the regions of one set (Worsley et al. 1996 for random fields;
    here by permutation, as FSL's randomise does within a mask).
    """
    told = inputs.settings_as(SmallVolumeSettings)
    atlas = own_atlas(dict(inputs.task.each_file()), told.own)
    statistic = inputs.volume("contrast", "stat_t")
    labels = on_grid(atlas, statistic.grid)
    p = np.full(labels.shape, np.nan)
    inside = np.isfinite(statistic.data) & (labels > 0)
    if inside.any():
        p[inside] = _corrected(inputs, told, labels > 0)
    regions = {k: inside & (labels == k) for k in atlas.grey}
    peaks = [_peak(atlas.names[k], k, own, statistic, p) for k, own in regions.items()]
    with np.errstate(divide="ignore"):
        fwe = scattered(-np.log10(p[inside]), inside, statistic.grid)
    arrays = xr.Dataset({FWE: to_array(FWE, fwe, space=told.space)})
    record = {"n": told.n, "voxels": int(inside.sum())}
    return Made(arrays, record, {TABLE: tsv_file(pd.DataFrame(peaks))})


def _corrected(
    inputs: Inputs, told: SmallVolumeSettings, within: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the family-wise p of each tested voxel."""
    data = Residualised(inputs, worker_bytes(), within)
    data.read()
    return np.asarray(p_fwe(np.abs(data.observed()), data.largest(told.n).both))


def _peak(
    name: str, region: int, inside: NDArray[np.bool_], statistic: Volume, p: NDArray[np.float64]
) -> dict[str, Any]:
    """Return a region's least corrected p, with t and the place in mm of its largest |t|."""
    row = {"region": region, "name": name, "voxels": int(inside.sum())}
    if not inside.any():
        return row | {
            "t": np.nan,
            "x_mm": np.nan,
            "y_mm": np.nan,
            "z_mm": np.nan,
            "p_fwe_set": np.nan,
        }
    least = inside & (p == np.nanmin(p[inside]))
    size = np.where(least, np.abs(statistic.data), -np.inf)
    at = np.unravel_index(int(np.argmax(size)), size.shape)
    x, y, z = (statistic.affine @ [*map(float, at), 1.0])[:3]
    return row | {
        "t": float(statistic.data[at]),
        "x_mm": x,
        "y_mm": y,
        "z_mm": z,
        "p_fwe_set": float(p[at]),
    }
