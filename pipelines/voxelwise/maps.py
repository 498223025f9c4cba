"""The smoothed maps of a cohort as a matrix over the voxels of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.engine.volumes import grid_of

GRID_TOLERANCE_MM = 0.01


def common_grid(inputs: Inputs) -> Grid:
    """Return the common grid of all maps.

    Raises
    ------
    UserError
        A map is on another grid.
    """
    grids = [grid_of(inputs.lake.read(part)["smoothed"]) for part in inputs.parts("row")]
    for index, grid in enumerate(grids):
        if not grid.same_as(grids[0], GRID_TOLERANCE_MM):
            raise UserError(
                f"map {index + 1} of {len(grids)} has {grid.shape} voxels, the first "
                f"{grids[0].shape}, or their affines differ. Resample all maps to one grid."
            )
    return grids[0]


def analysis_mask(inputs: Inputs, grid: Grid) -> NDArray[np.bool_]:
    """Return the voxels to test: the user's mask, else the template's brain.

    Raises
    ------
    UserError
        The mask covers no voxel of the maps.
    """
    if drawn := inputs.file("mask"):
        mask = from_bytes(drawn.read(), "contrast.mask", kind="mask")
    else:
        brain = inputs.volume("template_out", "brain")
        mask = brain.with_data(brain.data.astype(bool))
    here = mask.grid.shape == grid.shape and np.array_equal(mask.affine, grid.affine)
    inside = (mask if here else to_grid(mask, grid, order=0)).data.astype(bool)
    if not inside.any():
        raise UserError("contrast.mask covers no voxel of the maps; check its space.")
    return inside


def scattered(values: NDArray[np.generic], inside: NDArray[np.bool_], like: Grid) -> Volume:
    """Scatter values of the mask's voxels to the grid; NaN elsewhere."""
    data = np.full(inside.shape, np.nan, dtype=np.float32)
    data[inside] = values
    return Volume(data, like.affine)
