"""Stage `smooth`: the smoothed ratio map."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.pipelines.engine.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.engine.volumes import to_array


def _make(inputs: Inputs) -> Made:
    """Smooth, and mask missing voxels again: lesions and flow voids stay NaN."""
    array, ratio = inputs.dataset("ratio")["ratio"], inputs.volume("ratio", "ratio")
    measured = np.isfinite(ratio.data)
    smoothed = smooth(ratio, inputs.settings["fwhm_mm"], inputs.settings["edge"], measured)
    dataset = xr.Dataset({"smoothed": to_array("smoothed", smoothed, space=array.attrs["space"])})
    record = {
        "voxels_measured": int(measured.sum()),
        "negative_share": inputs.record("ratio").get("negative_share", 0.0),
    }
    return Made(dataset, record)


SMOOTH = Stage("smooth", _make, needs=("ratio",))
