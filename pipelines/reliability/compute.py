"""Stage `reliability`: agreement of people's sessions in every region and at every voxel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings, read_scaled
from rt1t2_dask.pipelines.calibration.map_scale import scale_of_maps
from rt1t2_dask.pipelines.contrasts.regional import with_region_names
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.voxelwise.blocks import BLOCK_BYTES, Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid, scattered
from rt1t2_dask.stats.glm.reliability import Reliability, reliability
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.stats.scale import Scale

TABLE = "reliability.tsv"
TEMPORARIES = 16
"""Arrays of a block's size that the analysis of variance holds, as float32."""
MAPS = ("reliability_icc", "reliability_within_sd")
Float = NDArray[np.float64]


class ReliabilitySettings(ScaleSettings):
    """How many sessions each person has, in the order of the rows: all of one person together.

    Parameters
    ----------
    sessions : int
    maps : bool
        Whether voxels are analysed too.
    planned : str
        Scale of the maps, where these do not show another.
    space : str
    """

    sessions: int
    maps: bool
    planned: str
    space: str


def make(inputs: Inputs) -> Made:
    """Compute the reliability of regions, and of voxels where these are asked for."""
    settings = inputs.settings_as(ReliabilitySettings)
    scale = scale_of_maps(inputs, settings.planned)
    found = reliability(_by_person(_regions(inputs, settings), settings.sessions))
    rows = with_region_names(inputs, "region", _table(found, Scale(scale)))
    maps = _maps(inputs, settings) if settings.maps else xr.Dataset()
    return Made(maps, {"scale": scale}, {TABLE: tsv_file(rows)})


def _by_person(rows: NDArray[Any], sessions: int) -> NDArray[Any]:
    return rows.reshape(len(rows) // sessions, sessions, *rows.shape[1:])


def _regions(inputs: Inputs, settings: ReliabilitySettings) -> Float:
    parts = inputs.parts("region")
    read = (np.asarray(inputs.lake.read(p)["parcels"].to_numpy(), np.float64) for p in parts)
    return np.stack([read_scaled(settings, k, own) for k, own in enumerate(read)])


def _table(found: Reliability, scale: Scale) -> pd.DataFrame:
    signed = np.full(found.mean.shape, np.nan)
    mean = found.mean if scale is Scale.RATIO else signed
    mean = np.where(mean > 0, mean, np.nan)
    return pd.DataFrame(
        {
            "n": found.n.astype(int),
            "mean": found.mean,
            "icc": found.icc,
            "icc_ci95_low": found.icc_low,
            "icc_ci95_high": found.icc_high,
            "within_sd": found.within_sd,
            "within_sd_percent": 100 * found.within_sd / mean,
            "repeatability": found.repeatability,
            "repeatability_percent": 100 * found.repeatability / mean,
            "change": found.change,
            "change_percent": 100 * found.change / mean,
            "change_p": found.change_p,
            "change_q": benjamini_hochberg(found.change_p),
        }
    )


def _maps(inputs: Inputs, settings: ReliabilitySettings) -> xr.Dataset:
    """Compute ICC and within-person SD at every voxel, block by block."""
    grid = common_grid(inputs)
    inside = analysis_mask(inputs, grid)
    rows, found = Rows.open(inputs), np.full((len(MAPS), int(inside.sum())), np.nan)
    for block in voxel_blocks(grid.shape, inside, len(rows), BLOCK_BYTES // TEMPORARIES):
        own = reliability(_by_person(rows.read(block), settings.sessions))
        found[:, block.index] = own.icc, own.within_sd
    volumes = (scattered(values, inside, grid) for values in found)
    made = zip(MAPS, volumes, strict=True)
    return xr.Dataset({name: to_array(name, own, space=settings.space) for name, own in made})
