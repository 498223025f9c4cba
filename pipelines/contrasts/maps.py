"""The smoothed maps of a cohort as a matrix over the voxels of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.engine.stage import Inputs
from rt1t2_dask.pipelines.engine.volumes import grid_of

GRID_TOLERANCE_MM = 0.01


def row_role(index: int) -> str:
    """Return the role of the smoothed map of one row of the design."""
    return f"row{index:05d}"


def n_rows(inputs: Inputs) -> int:
    """Count the rows of the design."""
    return sum(role.startswith("row") for role in inputs.task.parents)


def common_grid(inputs: Inputs) -> Grid:
    """Return the common grid of all maps.

    Raises
    ------
    UserError
        A map is on another grid.
    """
    grids = [grid_of(inputs.dataset(row_role(i))["smoothed"]) for i in range(n_rows(inputs))]
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
    if "mask" in inputs.task.files:
        mask = from_bytes(inputs.task.files["mask"].read(), "contrast.mask", kind="mask")
    else:
        brain = inputs.volume("template_out", "brain")
        mask = brain.with_data(brain.data.astype(bool))
    inside = to_grid(mask, grid, order=0).data.astype(bool)
    if not inside.any():
        raise UserError("contrast.mask covers no voxel of the maps; check its space.")
    return inside


def load_matrix(inputs: Inputs, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Read all maps within a mask.

    Parameters
    ----------
    inside : ndarray of bool, shape (x, y, z)

    Returns
    -------
    ndarray of float32, shape (person, voxel)
        Rows in the design's order; NaN where not measured.
    """
    rows = n_rows(inputs)
    matrix = np.empty((rows, int(inside.sum())), dtype=np.float32)
    for index in range(rows):
        matrix[index] = inputs.volume(row_role(index), "smoothed").data[inside]
    return matrix


def scattered(values: NDArray[np.generic], inside: NDArray[np.bool_], like: Grid) -> Volume:
    """Scatter values of the mask's voxels to the grid; NaN elsewhere."""
    data = np.full(inside.shape, np.nan, dtype=np.float32)
    data[inside] = values
    return Volume(data, like.affine)
