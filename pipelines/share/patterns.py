"""Stage `share_patterns`: which people are measured together, counted over a share of voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.share.voxels import (
    VoxelSettings,
    first_grid,
    rows_of,
    together,
)
from rt1t2_dask.pipelines.voxelwise.blocks import FLOAT_BYTES, Block, Rows
from rt1t2_dask.pipelines.voxelwise.maps import common_grid
from rt1t2_dask.pipelines.voxelwise.runs import runs_of
from rt1t2_dask.pipelines.voxelwise.shares import own_blocks
from rt1t2_dask.sites.cells import count

PEOPLE, VOXELS = "share_pattern_people", "share_pattern_voxels"


def make(inputs: Inputs) -> Made:
    """Count the voxels of the share by who is measured there."""
    settings, n = inputs.settings_as(VoxelSettings), len(inputs.parts("row"))
    # One share looks at everybody's grid for all of them.
    grid = common_grid(inputs) if settings.block == 0 else first_grid(inputs)
    runs = [rows_of(inputs, range(run.start, run.stop)) for run in runs_of(n)]
    tally: dict[bytes, int] = {}
    for block in own_blocks(inputs, grid, maps_in_memory(n)):
        count(_present(runs, block), tally)
    return Made(_dataset(tally), {"voxels": sum(tally.values())})


def maps_in_memory(n: int) -> int:
    """Return how many float32 maps take the memory of a run, and of one byte of everybody."""
    return max(together(n), ceil(n / FLOAT_BYTES))


def read_tally(datasets: Sequence[xr.Dataset]) -> dict[bytes, int]:
    """Read the counts of several shares and add them."""
    tally: dict[bytes, int] = {}
    for dataset in (each for each in datasets if each):
        people, voxels = dataset[PEOPLE].to_numpy(), dataset[VOXELS].to_numpy()
        for row, n in zip(people, voxels.tolist(), strict=True):
            key = row.tobytes()
            tally[key] = tally.get(key, 0) + n
    return tally


def _present(runs: Sequence[Rows], block: Block) -> NDArray[np.bool_]:
    """Return who is measured where, shape (person, voxel)."""
    found = np.empty((sum(map(len, runs)), block.voxels), bool)
    first = 0
    for rows in runs:
        found[first : first + len(rows)] = np.isfinite(rows.read(block))
        first += len(rows)
    return found


def _dataset(tally: Mapping[bytes, int]) -> xr.Dataset:
    if not tally:
        return xr.Dataset()
    keys = sorted(tally)
    people = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), -1)
    voxels = np.array([tally[key] for key in keys], np.int64)
    return xr.Dataset({PEOPLE: table(PEOPLE, people), VOXELS: table(VOXELS, voxels)})
