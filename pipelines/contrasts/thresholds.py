"""Stage `thresholds`: the number of clusters at other height and extent thresholds."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.stats.clusters.random_field import SearchVolume
from rt1t2_dask.stats.clusters.threshold_table import table

TABLE = "thresholds.tsv"
HEIGHTS = (0.01, 0.005, 0.001)
EXTENTS_MM3 = (0.0, 250.0, 750.0, 1500.0)


class ThresholdSettings(StageSettings):
    """Heights, as p, and extents to count clusters at."""

    p: tuple[float, ...]
    extent_mm3: tuple[float, ...]


def make(inputs: Inputs) -> Made:
    """Count clusters at every height and extent."""
    record, settings = inputs.record("contrast"), inputs.settings_as(ThresholdSettings)
    t_map, dof = inputs.volume("contrast", "stat_t"), inputs.volume("contrast", "stat_dof")
    volume = SearchVolume(
        record["dof"],
        record["voxels"],
        np.asarray(record["fwhm_voxels"]),
        np.asarray(record["resels"]),
        record["numerator"],
    )
    rows = table(t_map.data, t_map.affine, dof.data, volume, settings.p, settings.extent_mm3)
    return Made(xr.Dataset(), {}, {TABLE: tsv_file(rows)})
