"""Stage `detectable`: the smallest effect this study would find, as a share of the baseline."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import to_array
from rt1t2_dask.stats.power import detectable
from rt1t2_dask.stats.random_field import SearchVolume, critical_height

SUMMARY = "permutation.json"


def _make(inputs: Inputs) -> Made:
    record, settings = inputs.record("contrast"), inputs.settings
    se, mean = inputs.volume("contrast", "stat_se"), inputs.volume("contrast", "stat_mean")
    dof = inputs.volume("contrast", "stat_dof").data
    height, source = _critical(inputs, record, settings["alpha"])
    effect = detectable(se.data, dof, height, record["dof"], settings["power"])
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = np.where(mean.data > 0, 100 * effect / mean.data, np.nan)
    array = to_array("stat_mde", se.with_data(percent.astype(np.float32)), space=settings["space"])
    known = percent[np.isfinite(percent)]
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95]).tolist() if len(known) else [None] * 3
    summary = {
        "critical_t": height,
        "critical_from": source,
        "power": settings["power"],
        "alpha": settings["alpha"],
        "percent_median": middle,
        "percent_5": low,
        "percent_95": high,
    }
    return Made(xr.Dataset({"stat_mde": array}), summary)


def _critical(inputs: Inputs, record: Any, alpha: float) -> tuple[float, str]:
    """Two-sided critical |t|: of the permutations where there are any, else of the random field."""
    if "permute" in inputs.task.parents:
        permuted = json.loads(inputs.lake.file(inputs.task.parents["permute"], SUMMARY))
        found = permuted["critical_05"].get("max_t")
        if found is not None and alpha == 0.05:
            return float(found), "permutation"
    volume = SearchVolume(
        record["dof"],
        record["voxels"],
        np.asarray(record["fwhm_voxels"]),
        np.asarray(record["resels"]),
    )
    return critical_height(volume, alpha / 2), "random field"


DETECTABLE = Stage("detectable", _make)
