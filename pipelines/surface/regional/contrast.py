"""Stage `surface_region_contrast`: a contrast of means over regions of the cortex."""

from __future__ import annotations

from rt1t2_dask.pipelines.contrasts.regional import RegionSettings, tested_regions
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.surface.regional.means import chosen


class SurfaceRegionSettings(RegionSettings):
    """What a contrast of regions is told, and the common mesh."""

    mesh: str


def make(inputs: Inputs) -> Made:
    """Test the contrast on the means, as on those of the volume's regions."""
    mesh = inputs.settings_as(SurfaceRegionSettings).mesh
    return tested_regions(inputs, chosen(inputs, mesh).names)
