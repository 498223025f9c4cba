"""Precomputed transforms of sMRIPrep or fMRIPrep instead of a registration."""

from __future__ import annotations

from typing import Literal

import xarray as xr

from rt1t2_dask.images.brain.fill import Fill
from rt1t2_dask.images.registration.itk_transform import inverse_warp_of, read_transform, warp_of
from rt1t2_dask.images.resample import same_extent, template_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import grid_of, table, to_array

FILE_ROLES = ("transform", "inverse_transform")


class NormaliseSettings(StageSettings):
    """What decides the deformation field: of a registration, or of a transform that was brought."""

    kind: Literal["lncc", "greedy", "ants_syn", "derivatives"]
    voxel_mm: float
    fill: Fill | None = None
    timeout_s: float = 0.0
    antspyx: str = ""
    greedy: str = ""
    space: str = ""


def make_given(inputs: Inputs) -> Made:
    """Sample the transform at the registration voxel size on the template's grid."""
    settings = inputs.settings_as(NormaliseSettings)
    voxel_mm = settings.voxel_mm
    grid = template_grid(grid_of(inputs.dataset("template")["t1w"]), voxel_mm)
    role, file = next((r, f) for r, f in inputs.task.each_file() if r in FILE_ROLES)
    transform = read_transform(file.read(), "." + file.path.rsplit(".", 1)[-1])
    if role == "transform":
        warp = warp_of(transform, grid)
    else:
        subject = same_extent(grid_of(inputs.dataset("ingest")["t1w"]), voxel_mm)
        warp = inverse_warp_of(transform, subject, grid)
    assert warp.displacement is not None
    field = Volume(warp.displacement, grid.affine)
    arrays = {
        "affine": table("affine", warp.affine),
        "displacement": to_array("displacement", field, space=settings.space),
    }
    return Made(xr.Dataset(arrays), {"origin": role})
