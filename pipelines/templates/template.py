"""Stage `template`: the brain template."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.ndimage import binary_closing, binary_fill_holes

from rt1t2_dask.images.resample import regrid, template_grid, to_grid
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.names import TEMPLATES


class TemplateSettings(StageSettings):
    """The space of the template, and the voxel size of its grid."""

    space: str
    voxel_mm: float


def brain_of(t1w: Volume) -> Volume:
    """Return the brain mask of a template that is 0 outside the brain."""
    closed = binary_closing(np.pad(t1w.data > 0, 4), iterations=3)[4:-4, 4:-4, 4:-4]
    return t1w.with_data(binary_fill_holes(closed))


def brain_mask(inputs: Inputs, space: str) -> Volume:
    """Return the brain mask of a template space, boolean."""
    files = TEMPLATES[space]
    if files.mask is None:
        return brain_of(inputs.asset(files.t1))
    mask = inputs.asset(files.mask)
    return mask.with_data(mask.data > 0.5)


def probability(tissue: Volume) -> Volume:
    """Return a tissue probability in [0, 1], whether stored so or as 0 to 255."""
    scale = 255.0 if tissue.data.max() > 1.5 else 1.0
    return tissue.with_data((tissue.data / scale).astype(np.float32))


def make(inputs: Inputs) -> Made:
    """Bring a template's brain, its mask and tissues to the wanted voxel size."""
    settings = inputs.settings_as(TemplateSettings)
    space, voxel_mm = settings.space, settings.voxel_mm
    files, mask = TEMPLATES[space], brain_mask(inputs, space)
    t1w = inputs.asset(files.t1)
    if files.mask is not None:
        inside = to_grid(mask, t1w.grid, order=0).data
        t1w = t1w.with_data(np.where(inside, t1w.data, 0).astype(np.float32))
    arrays = {
        "t1w": t1w,
        "grey": probability(inputs.asset(files.grey)),
        "white": probability(inputs.asset(files.white)),
    }
    grid = template_grid(t1w.grid, voxel_mm)
    arrays = {name: _brought(volume, grid, voxel_mm) for name, volume in arrays.items()}
    arrays["brain"] = to_grid(mask, grid, order=0)
    return Made(xr.Dataset({name: to_array(name, v, space=space) for name, v in arrays.items()}))


def _brought(volume: Volume, grid: Grid, voxel_mm: float) -> Volume:
    if grid.same_as(volume.grid):
        return volume
    return to_grid(regrid(volume, voxel_mm), grid, order=1)
