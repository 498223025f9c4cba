"""Stage `ratio`: the calibrated ratio in template space, each image interpolated once."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.names import GREY, SPACE
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import to_array
from rt1t2_dask.ratio.calibrate import IntensityMap, apply
from rt1t2_dask.ratio.compute import gm_median, ratio

GREY_SHARE = 0.5
GREY_UNITS = 255.0


def _make(inputs: Inputs) -> Made:
    template = inputs.volume("template_out", "brain")
    grid, brain = template.grid, template.data.astype(bool)
    field = inputs.volume("normalise", "displacement")
    warp = Warp(inputs.array("normalise", "affine"), field.data, _grid_of_field(field))
    rigid = inputs.array("coregister", "rigid")
    t1w = to_grid(inputs.volume("bias", "t1w_corrected"), grid, warp=warp, order=4, outside=np.nan)
    t2w = to_grid(
        inputs.volume("bias", "t2w_corrected"),
        grid,
        warp=warp,
        rigid=rigid,
        order=4,
        outside=np.nan,
    )
    lesion = inputs.optional_volume("ingest", "lesion")
    arrays = {}
    if lesion is not None:
        carried = to_grid(lesion, grid, warp=warp, order=0)
        brain = brain & ~carried.data.astype(bool)
        arrays["lesion_template"] = to_array("lesion_template", carried, space=SPACE)
    values = _ratio(inputs, t1w, t2w, brain)
    arrays["ratio"] = to_array("ratio", Volume(values, grid.affine), space=SPACE)
    return Made(xr.Dataset(arrays), {"voxels_measured": int(np.isfinite(values).sum())})


def _grid_of_field(field: Volume) -> Grid:
    x, y, z = field.data.shape[:3]
    return Grid((x, y, z), field.affine)


def _ratio(
    inputs: Inputs, t1w: Volume, t2w: Volume, measured: NDArray[np.bool_]
) -> NDArray[np.float32]:
    kind = inputs.record("calibrate")["kind"]
    if kind == "gm_median":
        grey = to_grid(inputs.asset(GREY), t1w.grid, order=1).data > GREY_SHARE * GREY_UNITS
        return gm_median(t1w.data, t2w.data, measured, grey)
    if kind == "none":
        return ratio(t1w.data, t2w.data, measured)
    knots = inputs.dataset("calibrate")
    t1w_map, t2w_map = (
        IntensityMap(*knots[name].to_numpy().T) for name in ("t1w_knots", "t2w_knots")
    )
    return ratio(apply(t1w_map, t1w.data), apply(t2w_map, t2w.data), measured)


RATIO = Stage(
    "ratio",
    _make,
    needs=("ingest", "coregister", "bias", "normalise", "calibrate", "template_out"),
    assets=(GREY,),
    gigabytes=1.0,
)
