"""Stage `share_differences`: differences of neighbouring voxels, over a run of one group."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.voxelwise.blocks import Rows
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid
from rt1t2_dask.sites.shared import add_differences
from rt1t2_dask.stats.clusters.neighbours import NEIGHBOURS, neighbour_index

DIFFERENCES = "share_run_differences"


def make(inputs: Inputs) -> Made:
    """Sum squared differences of neighbouring voxels over the run, person by person."""
    inside, rows = analysis_mask(inputs, common_grid(inputs)), Rows.open(inputs)
    index = neighbour_index(inside)
    total = np.zeros((len(NEIGHBOURS), index.shape[1]))
    for row in range(len(rows)):
        add_differences(total, rows.volume(row)[inside].astype(np.float64), index)
    return Made(xr.Dataset({DIFFERENCES: table(DIFFERENCES, total)}), {"people": len(rows)})
