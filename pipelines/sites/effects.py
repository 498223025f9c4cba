"""Stage `site_effects`: variance explained by site, without harmonisation."""

from __future__ import annotations

import xarray as xr

from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.sites.harmonise import SitePeople, SiteSettings, medians, whole
from rt1t2_dask.pipelines.voxelwise.blocks import Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid, scattered
from rt1t2_dask.sites.diagnostics import site_variance


def make(inputs: Inputs) -> Made:
    """Map the share and the span of site effects."""
    settings = inputs.settings_as(SiteSettings)
    grid = common_grid(inputs)
    inside = analysis_mask(inputs, grid)
    people, rows = SitePeople(settings), Rows.open(inputs)
    blocks = voxel_blocks(grid.shape, inside, len(rows))
    found = [site_variance(people.sums(rows.read(block))) for block in blocks]
    index = [block.index for block in blocks]
    maps = {f"site_{n}_before": whole(found, index, n) for n in ("share", "span")}
    arrays = {
        n: to_array(n, scattered(v, inside, grid), space=settings.space) for n, v in maps.items()
    }
    return Made(xr.Dataset(arrays), medians(maps))
