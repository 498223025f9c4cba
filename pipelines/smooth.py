"""Stage `smooth`: the smoothed ratio map."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import to_array


def _make(inputs: Inputs) -> Made:
    array = inputs.dataset("ratio")["ratio"]
    ratio = inputs.volume("ratio", "ratio")
    inside = None
    if inputs.settings["edge"] == "normalised":
        brain = to_grid(inputs.volume("template_out", "brain"), ratio.grid, order=0)
        inside = brain.data.astype(bool) | np.isfinite(ratio.data)
    smoothed = smooth(ratio, inputs.settings["fwhm_mm"], inputs.settings["edge"], inside)
    dataset = xr.Dataset({"smoothed": to_array("smoothed", smoothed, space=array.attrs["space"])})
    return Made(dataset, {"voxels_measured": int(np.isfinite(ratio.data).sum())})


SMOOTH = Stage(
    "smooth",
    _make,
    needs=("ratio", "template_out"),
)
