"""Stage `smooth`: the smoothed ratio map."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.smooth import Edge, smooth
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array

Tissue = Literal["none", "weighted"]


class SmoothSettings(StageSettings):
    """Width of the kernel, and what is done at the edge of what was measured."""

    fwhm_mm: float
    edge: Edge
    tissue: Tissue = "none"


def make(inputs: Inputs) -> Made:
    """Smooth, and leave out again what was not measured: lesions and flow voids stay empty."""
    array, ratio = inputs.dataset("ratio")["ratio"], inputs.volume("ratio", "ratio")
    measured, settings = np.isfinite(ratio.data), inputs.settings_as(SmoothSettings)
    smoothed = smooth(ratio, settings.fwhm_mm, settings.edge, measured, _tissue(inputs, settings))
    dataset = xr.Dataset({"smoothed": to_array("smoothed", smoothed, space=array.attrs["space"])})
    record = {
        "voxels_measured": int(measured.sum()),
        "negative_share": inputs.record("ratio").get("negative_share", 0.0),
    }
    return Made(dataset, record)


def _tissue(inputs: Inputs, settings: SmoothSettings) -> NDArray[np.float32] | None:
    """Return each voxel's share of grey and white matter, where they are to be weights."""
    if settings.tissue == "none":
        return None
    grey, white = (inputs.volume("tissue_shares", f"{t}_template") for t in ("grey", "white"))
    return np.asarray(grey.data + white.data, np.float32)
