"""The maps of some of an export's people, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.engine.volumes import grid_of
from rt1t2_dask.pipelines.voxelwise.blocks import Rows
from rt1t2_dask.pipelines.voxelwise.runs import runs_of
from rt1t2_dask.pipelines.voxelwise.shares import VoxelShare


class VoxelSettings(ScaleSettings, VoxelShare):
    """How everybody's ratio is read, and which share of the voxels of how many."""


def together(n: int) -> int:
    """Return how many of ``n`` people's maps are read together at most."""
    sizes: list[int] = [run.stop - run.start for run in runs_of(n)]
    return max(sizes)


def first_grid(inputs: Inputs) -> Grid:
    """Return the grid of the first map; the first of `share_patterns` refuses others."""
    return grid_of(inputs.dataset("row")["smoothed"])


def rows_of(inputs: Inputs, people: Sequence[int] | NDArray[np.intp]) -> Rows:
    """Open the maps of some people, in the order given."""
    settings, parts = inputs.settings_as(ScaleSettings), inputs.parts("row")
    maps = [inputs.lake.read(parts[k])["smoothed"] for k in people]
    factors = tuple(settings.factors[k] for k in people) if settings.factors else ()
    own = ScaleSettings(factors=factors, scale=settings.scale, against=settings.against)
    return Rows(maps, [], own)
