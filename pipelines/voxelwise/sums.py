"""Stages `sums` and `sums_total`: X'X, X'Y and Y'Y of groups of people at every voxel."""

from __future__ import annotations

from functools import reduce

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings
from rt1t2_dask.pipelines.calibration.map_scale import joint_scale, scale_of_maps
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.voxelwise.blocks import Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.maps import GRID_TOLERANCE_MM, analysis_mask, common_grid
from rt1t2_dask.pipelines.voxelwise.summed import Summed
from rt1t2_dask.stats.clusters.neighbours import NeighbourSums, neighbour_index
from rt1t2_dask.stats.glm.sufficient import Sums, accumulate, join

Float = NDArray[np.float64]
INSIDE = "sums_inside"


class SumSettings(ScaleSettings):
    """A run of rows of a design.

    Parameters
    ----------
    group : tuple of int
        Of each row.
    groups : int
        How many groups the whole design has.
    matrix : tuple of tuple of float
    baseline : tuple of bool
        Rows whose mean effects are a share of; of a contrast only.
    sampled : tuple of int
        Rows whose residuals tell the smoothness; of a contrast only.
    """

    group: tuple[int, ...]
    groups: int
    matrix: tuple[tuple[float, ...], ...]
    baseline: tuple[bool, ...] = ()
    sampled: tuple[int, ...] = ()


def make(inputs: Inputs) -> Made:
    """Sum a run of rows up, by group."""
    settings = inputs.settings_as(SumSettings)
    grid = common_grid(inputs)
    inside, rows = analysis_mask(inputs, grid), Rows.open(inputs)
    mask = to_array(INSIDE, Volume(inside.astype(np.uint8), grid.affine))
    summed = _summed(settings, rows, inside)
    record = {"scale": scale_of_maps(inputs, settings.scale)}
    return Made(xr.Dataset({INSIDE: mask, **summed.to_arrays()}), record)


def _summed(settings: SumSettings, rows: Rows, inside: NDArray[np.bool_]) -> Summed:
    matrix, group = np.asarray(settings.matrix, np.float64), np.asarray(settings.group)
    shape = (inside.shape[0], inside.shape[1], inside.shape[2])
    blocks, voxels = voxel_blocks(shape, inside, len(rows)), int(inside.sum())
    members = [np.flatnonzero(group == k) for k in range(settings.groups)]
    found: list[list[Sums]] = [[] for _ in members]
    baseline = np.zeros((2, voxels)) if settings.baseline else None
    for block in blocks:
        data = rows.read(block)
        for own, chosen in zip(found, members, strict=True):
            own.append(accumulate(data[chosen], matrix[chosen]))
        if baseline is not None:
            baseline[:, block.index] = rows.baseline_sums(block, data, settings.baseline)
    index = [block.index for block in blocks]
    groups = [join(own, index, voxels) for own in found]
    return Summed(groups, baseline, _sampled(settings, rows, inside, matrix))


def _sampled(
    settings: SumSettings, rows: Rows, inside: NDArray[np.bool_], matrix: Float
) -> NeighbourSums | None:
    if not settings.baseline:
        return None
    index = neighbour_index(inside)
    sums = NeighbourSums.none(matrix.shape[1], index.shape[1])
    for row in settings.sampled:
        values = np.asarray(rows.volume(row)[inside], np.float64)
        sums.add_person(matrix[row], values, index)
    return sums


def total(inputs: Inputs) -> Made:
    """Add the sums of several runs up."""
    mask, summed = total_of(inputs)
    return Made(
        xr.Dataset({INSIDE: mask, **summed.to_arrays()}), {"scale": joint_scale(inputs, "sums")}
    )


def total_of(inputs: Inputs) -> tuple[xr.DataArray, Summed]:
    """Return the mask, and the sums of every part under the role ``sums``, read one by one.

    Raises
    ------
    UserError
        Runs are on different grids.
    """
    masks = [inputs.dataset("sums", k)[INSIDE] for k in range(len(inputs.parts("sums")))]
    for mask in masks[1:]:
        same = mask.shape == masks[0].shape and np.allclose(
            mask.attrs["affine"], masks[0].attrs["affine"], atol=GRID_TOLERANCE_MM
        )
        if not same:
            raise UserError(
                f"maps of the study have {mask.shape[::-1]} and {masks[0].shape[::-1]} voxels, or "
                "their affines differ. Resample all maps to one grid."
            )
    each = (Summed.read(inputs.dataset("sums", k)) for k in range(len(masks)))
    return masks[0].compute(), reduce(Summed.plus, each)
