"""Precomputed transforms of sMRIPrep or fMRIPrep instead of a registration."""

from __future__ import annotations

import xarray as xr

from rt1t2_dask.images.registration.itk_transform import inverse_warp_of, read_transform, warp_of
from rt1t2_dask.images.resample import same_extent, template_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.stage import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import grid_of, table, to_array

FILE_ROLES = ("transform", "inverse_transform")


def make_precomputed(inputs: Inputs) -> Made:
    """Sample the transform on the template's grid at the registration voxel size."""
    files, voxel_mm = inputs.task.files, inputs.settings["voxel_mm"]
    grid = template_grid(grid_of(inputs.dataset("template")["t1w"]), voxel_mm)
    role = next(role for role in FILE_ROLES if role in files)
    suffix = "." + files[role].path.rsplit(".", 1)[-1]
    transform = read_transform(files[role].read(), suffix)
    if role == "transform":
        warp = warp_of(transform, grid)
    else:
        subject = same_extent(grid_of(inputs.dataset("ingest")["t1w"]), voxel_mm)
        warp = inverse_warp_of(transform, subject, grid)
    assert warp.displacement is not None
    field = Volume(warp.displacement, grid.affine)
    arrays = {
        "affine": table("affine", warp.affine),
        "displacement": to_array("displacement", field, space=inputs.settings["space"]),
    }
    return Made(xr.Dataset(arrays), {"origin": role})
