"""Stages `template` and `head`: what subjects are registered to."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.ndimage import binary_closing, binary_fill_holes

from rt1t2_dask.images.resample import regrid, template_grid, to_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import to_array
from rt1t2_dask.simulate.head import build_head

T1, GREY, WHITE = "icbm152_2009a_t1", "icbm152_2009a_gm", "icbm152_2009a_wm"
HEAD = "head_t1_2mm"
SPACE = "MNI152NLin2009aSym"
HEAD_VOXEL_MM = 2.0


def brain_of(t1w: Volume) -> Volume:
    """Give the template's brain mask: its T1w is 0 outside the brain."""
    closed = binary_closing(np.pad(t1w.data > 0, 4), iterations=3)[4:-4, 4:-4, 4:-4]
    return t1w.with_data(binary_fill_holes(closed))


def _make_template(inputs: Inputs) -> Made:
    """Bring the ICBM152 brain and its mask to the wanted voxel size."""
    t1w = inputs.asset(T1)
    voxel_mm = inputs.settings["voxel_mm"]
    grid = template_grid(t1w.grid, voxel_mm)
    brain = to_grid(brain_of(t1w), grid, order=0)
    image = t1w if grid.same_as(t1w.grid) else to_grid(regrid(t1w, voxel_mm), grid, order=1)
    arrays = {"t1w": image, "brain": brain}
    return Made(xr.Dataset({name: to_array(name, v, space=SPACE) for name, v in arrays.items()}))


def _make_head(inputs: Inputs) -> Made:
    """Give a whole head in template space: the installed one, else one built round the brain."""
    t1w = inputs.asset(T1)
    if HEAD in inputs.task.assets:
        head, origin = inputs.asset(HEAD), HEAD
        brain = to_grid(brain_of(t1w), head.grid, order=0)
    else:
        model = build_head(t1w, inputs.asset(GREY), inputs.asset(WHITE))
        head = regrid(Volume(model.t1w, model.grid.affine), HEAD_VOXEL_MM)
        brain = to_grid(Volume(model.brain, model.grid.affine), head.grid, order=0)
        origin = "built round the ICBM152 brain"
    arrays = {"t1w": head, "brain": brain}
    dataset = xr.Dataset({name: to_array(name, v, space=SPACE) for name, v in arrays.items()})
    return Made(dataset, {"head": origin})


TEMPLATE = Stage(
    "template", _make_template, ("rt1t2_dask.images.resample",), assets=(T1,), gigabytes=0.6
)
HEAD_STAGE = Stage(
    "head",
    _make_head,
    (
        "rt1t2_dask.images.resample",
        "rt1t2_dask.simulate.head",
        "rt1t2_dask.simulate.anatomy",
        "rt1t2_dask.simulate.intensities",
    ),
    assets=(T1, GREY, WHITE),
    gigabytes=1.5,
)
