"""Stage `thresholds`: the number of clusters at other height and extent thresholds."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.pipelines.engine.stage import Inputs, Made, Stage
from rt1t2_dask.stats.clusters.random_field import SearchVolume
from rt1t2_dask.stats.clusters.threshold_table import table

TABLE = "thresholds.tsv"
HEIGHTS = (0.01, 0.005, 0.001)
EXTENTS_MM3 = (0.0, 250.0, 750.0, 1500.0)


def _make(inputs: Inputs) -> Made:
    record, settings = inputs.record("contrast"), inputs.settings
    t_map, dof = inputs.volume("contrast", "stat_t"), inputs.volume("contrast", "stat_dof")
    volume = SearchVolume(
        record["dof"],
        record["voxels"],
        np.asarray(record["fwhm_voxels"]),
        np.asarray(record["resels"]),
        record["numerator"],
    )
    rows = table(t_map.data, t_map.affine, dof.data, volume, settings["p"], settings["extent_mm3"])
    text = rows.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.10g")
    return Made(xr.Dataset(), {}, {TABLE: str(text).encode()})


THRESHOLDS = Stage("thresholds", _make)
