"""Stage `detectable`: the minimum detectable effect, as a difference or partial eta squared."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.stats.clusters.random_field import SearchVolume, critical_height
from rt1t2_dask.stats.glm.power import detectable, detectable_eta
from rt1t2_dask.stats.scale import Scale
from rt1t2_dask.stats.scores import z_to_f

SUMMARY = "permutation.json"

Float = NDArray[np.float64]


class DetectableSettings(StageSettings):
    """Level and power of the smallest effect, and the space of its map."""

    alpha: float
    power: float
    space: str


def make(inputs: Inputs) -> Made:
    """Compute the smallest effect at every voxel, and sum it up."""
    record, settings = inputs.record("contrast"), inputs.settings_as(DetectableSettings)
    height, source = _critical(inputs, record, settings.alpha)
    of = _of_t if record["numerator"] is None else _of_f
    found, name, unit = of(inputs, record, height)
    mde = inputs.volume("contrast", "stat_dof").with_data(found.astype(np.float32))
    known = found[np.isfinite(found)]
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95]).tolist() if len(known) else [None] * 3
    summary = {
        "numerator": record["numerator"],
        "critical": height,
        "critical_from": source,
        "power": settings.power,
        "alpha": settings.alpha,
        "unit": unit,
        "scale": record["scale"],
        "median": middle,
        "low_5": low,
        "high_95": high,
    }
    return Made(xr.Dataset({name: to_array(name, mde, space=settings.space)}), summary)


def _of_t(inputs: Inputs, record: Any, height: float) -> tuple[Float, str, str]:
    """Return the minimum detectable effect in percent, or in the unit of the maps if signed."""
    se, mean, dof = (
        inputs.volume("contrast", f"stat_{name}").data for name in ("se", "mean", "dof")
    )
    effect = detectable(
        se, dof, height, record["dof"], inputs.settings_as(DetectableSettings).power
    )
    scale = Scale(record["scale"])
    if scale.has_percent:
        return scale.percent(effect, mean), "stat_mde", "percent"
    return effect, "stat_mde_effect", "unit of the maps"


def _of_f(inputs: Inputs, record: Any, height: float) -> tuple[Float, str, str]:
    """Return the minimum detectable partial eta squared."""
    n, dof = (inputs.volume("contrast", f"stat_{name}").data for name in ("n", "dof"))
    q, power = record["numerator"], inputs.settings_as(DetectableSettings).power
    found = detectable_eta(n, dof, q, height, record["dof"], power)
    return found, "stat_mde_eta2", "partial eta squared"


def _critical(inputs: Inputs, record: Any, alpha: float) -> tuple[float, str]:
    """Return the critical |t| or F: by permutation if run, else by random field theory."""
    q = record["numerator"]
    for part in inputs.parts("permute"):
        permuted = json.loads(inputs.lake.file(part, SUMMARY))
        found = permuted["critical_05"].get("max_t")
        if found is not None and alpha == 0.05:
            return float(found if q is None else z_to_f(found, q, record["dof"])), "permutation"
    volume = SearchVolume(
        record["dof"],
        record["voxels"],
        np.asarray(record["fwhm_voxels"]),
        np.asarray(record["resels"]),
        q,
    )
    return critical_height(volume, alpha / 2 if q is None else alpha), "random field"
