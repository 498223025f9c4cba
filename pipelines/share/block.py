"""Stage `share_block`: sums over cells of people at a share of the voxels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.share.cells import cells_of
from rt1t2_dask.pipelines.share.voxels import (
    VoxelSettings,
    first_grid,
    rows_of,
    together,
)
from rt1t2_dask.pipelines.voxelwise.blocks import Block
from rt1t2_dask.pipelines.voxelwise.runs import runs_of
from rt1t2_dask.pipelines.voxelwise.shares import own_blocks
from rt1t2_dask.sites.cells import Cell
from rt1t2_dask.sites.shared import CellSums, GroupSums, add_cells, cell_sums

Float = NDArray[np.float64]
INDEX = "block_index"
SUMS = ("present", "cross", "squares")


class BlockSettings(VoxelSettings):
    """The groups, everybody's columns, and which share of the voxels."""

    groups: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]


def make(inputs: Inputs) -> Made:
    """Sum the share's voxels over cells."""
    settings = inputs.settings_as(BlockSettings)
    matrix, cells = np.asarray(settings.matrix, np.float64), cells_of(inputs, settings.groups)
    blocks = own_blocks(inputs, first_grid(inputs), together(len(matrix)))
    if not blocks:
        return Made(xr.Dataset(), {"voxels": 0})
    index = np.concatenate([block.index for block in blocks])
    groups = [
        add_cells([_cell(inputs, blocks, matrix, cell) for cell in cells[name]])
        for name in settings.groups
    ]
    arrays = {f"share_{name}": own for name, own in joined(groups).items()} | {INDEX: index}
    dataset = xr.Dataset({name: table(name, own) for name, own in arrays.items()})
    return Made(dataset, {"voxels": len(index)})


def joined(groups: Sequence[GroupSums]) -> dict[str, NDArray[np.generic]]:
    """Return ``present`` of the cells of all groups, ``cross`` and ``squares`` by group."""
    return {
        "present": np.concatenate([sums.present for sums in groups]),
        "cross": np.stack([sums.cross for sums in groups]),
        "squares": np.stack([sums.squares for sums in groups]),
    }


def _cell(inputs: Inputs, blocks: Sequence[Block], matrix: Float, cell: Cell) -> CellSums:
    """Sum a cell up at the voxels of all blocks, run by run, so that each chunk is read once."""
    runs = (cell[run] for run in runs_of(len(cell)))
    return reduce(CellSums.plus, (_run(inputs, blocks, matrix, people) for people in runs))


def _run(inputs: Inputs, blocks: Sequence[Block], matrix: Float, people: Cell) -> CellSums:
    rows = rows_of(inputs, people)
    each = [cell_sums(rows.read(block), matrix[people]) for block in blocks]
    return CellSums(*(np.concatenate([getattr(s, n) for s in each], axis=-1) for n in SUMS))
