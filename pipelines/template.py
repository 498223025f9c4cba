"""Stage `template`: the brain that people are registered to."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.ndimage import binary_closing, binary_fill_holes

from rt1t2_dask.images.resample import regrid, template_grid, to_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.names import SPACE, T1
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import to_array


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


TEMPLATE = Stage("template", _make_template, assets=(T1,), gigabytes=0.6)
