"""Stage `site_effects`: variance explained by site, without harmonisation."""

from __future__ import annotations

import xarray as xr

from rt1t2_dask.pipelines.contrasts.blocks import Rows, voxel_blocks
from rt1t2_dask.pipelines.contrasts.maps import analysis_mask, common_grid, scattered
from rt1t2_dask.pipelines.engine.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.sites.harmonise import SitePeople, medians, whole
from rt1t2_dask.sites.diagnostics import site_variance


def _make(inputs: Inputs) -> Made:
    grid = common_grid(inputs)
    inside = analysis_mask(inputs, grid)
    people, rows = SitePeople(inputs.settings), Rows.open(inputs)
    blocks = voxel_blocks(grid.shape, inside, len(rows))
    found = [site_variance(people.sums(rows.read(block))) for block in blocks]
    index = [block.index for block in blocks]
    maps = {f"site_{n}_before": whole(found, index, n) for n in ("share", "span")}
    space = inputs.settings["space"]
    arrays = {n: to_array(n, scattered(v, inside, grid), space=space) for n, v in maps.items()}
    return Made(xr.Dataset(arrays), medians(maps))


SITE_EFFECTS = Stage("site_effects", _make, gigabytes=1.0)
