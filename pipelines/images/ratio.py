"""Stage `ratio`: the calibrated ratio, in template space and on the T1w grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.brain.lesion import on_grid
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.ratio.compute import gm_scale, ratio, standardise, upper_limit, within_limit
from rt1t2_dask.ratio.intensity_map import IntensityMap, apply
from rt1t2_dask.ratio.scaled import scaled

GREY_SHARE = 0.5

Mask = NDArray[np.bool_]
ToRatio = Callable[[Volume, Volume, Mask], NDArray[np.float32]]
Finish = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def make(inputs: Inputs) -> Made:
    """Divide T1w by T2w, both calibrated, in template space and on the T1w grid."""
    lesion = inputs.optional_volume("ingest", "lesion")
    if lesion is not None:
        lesion = lesion.with_data(lesion.data.astype(bool))
    space = inputs.dataset("normalise")["displacement"].attrs["space"]
    brain = inputs.volume("template_out", "brain")
    grid, measured = brain.grid, brain.data.astype(bool)
    warp = _warp(inputs)
    arrays = {}
    if lesion is not None:
        carried = on_grid(lesion, grid, warp=warp, within=measured)
        measured = measured & ~carried
        in_template = Volume(carried.astype(np.uint8), grid.affine)
        arrays["lesion_template"] = to_array("lesion_template", in_template, space=space)
    t1w, t2w = _in_template(inputs, grid, warp, measured)
    to_ratio, finish = _conversion(inputs), _finish(inputs, t1w, t2w, measured)
    every = to_ratio(t1w, t2w, measured)
    limit = upper_limit(every)
    values = within_limit(every, limit)
    arrays["ratio"] = to_array("ratio", Volume(finish(values), grid.affine), space=space)
    on_t1w = _on_t1w(inputs, lesion, to_ratio)
    limited = on_t1w.with_data(finish(within_limit(on_t1w.data, limit)))
    arrays["ratio_t1w"] = to_array("ratio_t1w", limited)
    return Made(xr.Dataset(arrays), _record(every, values, limit * _unit(inputs)))


def _record(
    every: NDArray[np.float32], values: NDArray[np.float32], limit: float
) -> dict[str, Any]:
    """Return how much was measured in template space, and how much exceeded the upper limit."""
    measured = int(np.isfinite(values).sum())
    return {
        "voxels_measured": measured,
        "ratio_limit": limit if np.isfinite(limit) else None,
        "voxels_beyond_limit": int(np.isfinite(every).sum()) - measured,
    }


def _warp(inputs: Inputs) -> Warp:
    field = inputs.volume("normalise", "displacement")
    x, y, z = field.data.shape[:3]
    return Warp(inputs.array("normalise", "affine"), field.data, Grid((x, y, z), field.affine))


def _in_template(inputs: Inputs, grid: Grid, warp: Warp, within: Mask) -> tuple[Volume, Volume]:
    """Interpolate each image once, from its own grid."""
    t1w = inputs.optional_volume("bias", "t1w_source_corrected")
    if t1w is None:
        t1w = inputs.volume("bias", "t1w_corrected")
    t2w, rigid = inputs.volume("bias", "t2w_corrected"), inputs.array("coregister", "rigid")
    return (
        to_grid(t1w, grid, warp=warp, order=4, outside=np.nan, within=within),
        to_grid(t2w, grid, warp=warp, rigid=rigid, order=4, outside=np.nan, within=within),
    )


def _on_t1w(inputs: Inputs, lesion: Volume | None, to_ratio: ToRatio) -> Volume:
    """Return the ratio on the T1w grid: only the T2w is interpolated."""
    t1w, t2w = inputs.volume("bias", "t1w_corrected"), inputs.volume("bias", "t2w_corrected")
    brain = inputs.volume("brain", "brain").data.astype(bool)
    if lesion is not None:
        brain &= ~lesion.data
    rigid = inputs.array("coregister", "rigid")
    moved = to_grid(t2w, t1w.grid, rigid=rigid, order=4, outside=np.nan, within=brain)
    return t1w.with_data(to_ratio(t1w, moved, brain))


def _finish(inputs: Inputs, t1w: Volume, t2w: Volume, measured: Mask) -> Finish:
    """Return the function from the ratio to the values of the maps.

    Uncalibrated scans keep their own units; ``gm_median`` has another scale.

    Parameters
    ----------
    t1w, t2w : Volume
        In template space, where the grey matter is known.
    """
    unit = _unit(inputs)
    if inputs.record("calibrate")["kind"] != "gm_median":
        return lambda values: scaled(values, unit)
    grey = inputs.volume("template_out", "grey").data > GREY_SHARE
    scale = gm_scale(t1w.data, t2w.data, measured, grey)
    return lambda values: standardise(values, scale)


def _unit(inputs: Inputs) -> float:
    """Return the factor from integer steps to the scans' units."""
    raw = inputs.record("calibrate")["kind"] == "none"
    return float(inputs.record("ingest")["step_quotient"]) if raw else 1.0


def _conversion(inputs: Inputs) -> ToRatio:
    """Return the function from both images of this person to the ratio, on any grid."""
    if inputs.record("calibrate")["kind"] in ("none", "gm_median"):
        return lambda a, b, where: ratio(a.data, b.data, where)
    knots = inputs.dataset("calibrate")
    t1w_map, t2w_map = (
        IntensityMap(*knots[name].to_numpy().T) for name in ("t1w_knots", "t2w_knots")
    )
    return lambda a, b, where: ratio(_mapped(t1w_map, a, where), _mapped(t2w_map, b, where), where)


def _mapped(intensity_map: IntensityMap, image: Volume, where: Mask) -> NDArray[np.float32]:
    out = np.full(image.data.shape, np.nan, dtype=np.float32)
    out[where] = apply(intensity_map, image.data[where])
    return out
