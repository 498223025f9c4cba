"""Stage `quality`: quality measures of one person's images."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from rt1t2_dask.images.quality.gradients import gradients
from rt1t2_dask.images.quality.measures import Person, Template, measure, on_grid
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.images.tissue import warp_of


def make(inputs: Inputs) -> Made:
    """Measure the quality of one person's images."""
    numbers = measure(_person(inputs), _template(inputs)) | _gradients(inputs)
    return Made(xr.Dataset(), {k: v for k, v in numbers.items() if math.isfinite(v)})


def _person(inputs: Inputs) -> Person:
    lesion = inputs.optional_volume("ingest", "lesion")
    ratio = inputs.volume("ratio", "ratio_t1w").data
    if inputs.record("calibrate")["kind"] == "gm_median":
        ratio = (1 + ratio) / (1 - ratio)
    return Person(
        t1w=inputs.volume("bias", "t1w_corrected"),
        t2w=inputs.volume("bias", "t2w_corrected"),
        rigid=inputs.array("coregister", "rigid"),
        brain=inputs.volume("brain", "brain").data.astype(bool),
        tissue=inputs.volume("tissue", "tissue").data,
        ratio=ratio,
        warp=warp_of(inputs),
        lesion=None if lesion is None else lesion.data.astype(bool),
    )


def _gradients(inputs: Inputs) -> dict[str, float]:
    """Return the gradients of the ratio in template space; none of standardised values."""
    if inputs.record("calibrate")["kind"] == "gm_median":
        return {}
    ratio = inputs.volume("ratio", "ratio")
    grey, white = (
        to_grid(inputs.volume("template", name), ratio.grid, order=1).data
        for name in ("grey", "white")
    )
    return gradients(ratio, grey, white)


def _template(inputs: Inputs) -> Template:
    """Return the template on the grid of the deformation field."""
    t1w, grey, white, brain = (
        inputs.volume("template", name) for name in ("t1w", "grey", "white", "brain")
    )
    field = warp_of(inputs).grid
    grid = field if isinstance(field, Grid) else t1w.grid
    return on_grid(Template(t1w, brain.data.astype(np.bool_), grey.data, white.data), grid)
