"""Stage `block_copy`: maps of a run of people by voxel, for what reads them many times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.voxelwise.blocks import Block, Rows
from rt1t2_dask.pipelines.voxelwise.maps import common_grid
from rt1t2_dask.pipelines.voxelwise.shares import VoxelShare, own_blocks

ROLE = "copy"


class CopySettings(ScaleSettings, VoxelShare):
    """How everybody's ratio is read, and which share of the voxels."""


def make(inputs: Inputs) -> Made:
    """Copy the rows of a run, scaled and with pairs subtracted, voxel by voxel."""
    settings = inputs.settings_as(CopySettings)
    grid, rows = common_grid(inputs), Rows.open(inputs)
    own = own_blocks(inputs, grid, len(rows))
    shape = grid.shape[::-1]
    copied = np.empty((sum(block.voxels for block in own), len(rows)), np.float32)
    places = np.empty(len(copied), np.int32)
    start = 0
    for block in own:
        part = slice(start, start + block.voxels)
        copied[part], places[part] = rows.read(block).T, flat_places(block, shape)
        start = part.stop
    arrays = {"copied": copied, "copied_place": places}
    copy = xr.Dataset({name: table(name, values) for name, values in arrays.items()})
    return Made(copy, {"shares": settings.blocks})


def flat_places(block: Block, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the places of a block's voxels in the flattened (z, y, x) volume, in their order."""
    spans = [span.indices(size) for span, size in zip(block.box, shape, strict=True)]
    size = tuple(stop - start for start, stop, _ in spans)
    inside = np.unravel_index(block.inside, size)
    moved = tuple(k + start for k, (start, _, _) in zip(inside, spans, strict=True))
    return np.asarray(np.ravel_multi_index(moved, shape), np.intp)


class CopiedRows:
    """The rows of a design as copied by voxel; reads blocks as `Rows` does.

    Parameters
    ----------
    runs : sequence of sequence of Dataset
        The shares of the voxels, by run of rows.
    shape : tuple of int
        (z, y, x) of the maps.
    """

    def __init__(self, runs: Sequence[Sequence[xr.Dataset]], shape: tuple[int, ...]) -> None:
        self._runs, self._shape = runs, shape
        self._share = np.full(int(np.prod(shape)), -1, np.int32)
        self._position = np.zeros_like(self._share)
        for k, own in enumerate(runs[0]):
            place = own["copied_place"].to_numpy()
            self._share[place], self._position[place] = k, np.arange(len(place))

    @classmethod
    def open(cls, inputs: Inputs, shape: tuple[int, ...]) -> CopiedRows:
        """Open the parents under ``copy``."""
        copies = [inputs.dataset(ROLE, k) for k in range(len(inputs.parts(ROLE)))]
        shares = inputs.record(ROLE)["shares"]
        return cls([copies[k : k + shares] for k in range(0, len(copies), shares)], shape)

    def read(self, block: Block) -> NDArray[np.float32]:
        """Read a block, shape (row, voxel); NaN where not measured."""
        places = flat_places(block, self._shape)
        return np.concatenate([self._of_run(run, places) for run in self._runs])

    def _of_run(self, run: Sequence[xr.Dataset], places: NDArray[np.intp]) -> NDArray[np.float32]:
        found = np.empty((run[0].sizes["row"], len(places)), np.float32)
        for k in np.unique(self._share[places]).tolist():
            here = self._share[places] == k
            position = self._position[places[here]]
            first, last = int(position.min()), int(position.max()) + 1
            rows = run[k]["copied"][first:last].to_numpy()
            found[:, here] = rows[position - first].T
        return found
