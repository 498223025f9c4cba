"""Stage `calibrate`: the maps that bring a person's intensities to the reference's scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import table
from rt1t2_dask.ratio.calibrate import Calibration, IntensityMap, contrast_doubt, mrtool_style
from rt1t2_dask.ratio.classes import external_classes
from rt1t2_dask.ratio.reference import load_reference


def _make(inputs: Inputs) -> Made:
    if inputs.settings["kind"] != "mrtool_style":
        return Made(xr.Dataset(), {"kind": inputs.settings["kind"]})
    t1w = inputs.volume("bias", "t1w_corrected")
    rigid = inputs.array("coregister", "rigid")
    t2w = to_grid(inputs.volume("bias", "t2w_corrected"), t1w.grid, rigid=rigid, order=1)
    brain = inputs.volume("brain", "brain").data.astype(bool)
    lesion = inputs.optional_volume("ingest", "lesion")
    exclude = None if lesion is None else lesion.data.astype(bool)
    pose = inputs.array("brain", "head_affine")
    classes = external_classes(t1w, t2w, brain, exclude, pose)
    found = mrtool_style(t1w, t2w, classes, brain, load_reference())
    arrays = {
        "t1w_knots": table("t1w_knots", _knots(found.t1w)),
        "t2w_knots": table("t2w_knots", _knots(found.t2w)),
    }
    return Made(xr.Dataset(arrays), _record(found))


def _record(found: Calibration) -> dict[str, Any]:
    record = {
        "kind": "mrtool_style",
        "extrapolated_t1w": found.extrapolated_t1w,
        "extrapolated_t2w": found.extrapolated_t2w,
        "contrast_kept_t1w": found.contrast_kept_t1w,
        "contrast_kept_t2w": found.contrast_kept_t2w,
        "medians_t1w": found.medians_t1w,
        "medians_t2w": found.medians_t2w,
        "voxels": found.voxels,
    }
    doubt = contrast_doubt(found)
    return record if doubt is None else {**record, "flag": doubt}


def _knots(intensity_map: IntensityMap) -> NDArray[np.float64]:
    return np.column_stack([intensity_map.knots_x, intensity_map.knots_y])


CALIBRATE = Stage(
    "calibrate",
    _make,
    needs=("ingest", "coregister", "bias", "brain"),
    gigabytes=0.8,
)
