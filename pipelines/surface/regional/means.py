"""Stage `surface_regions`: one person's mean ratio over the regions of the cortex."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.surface.regions import regions_of
from rt1t2_dask.pipelines.surface.sample import RATIO
from rt1t2_dask.pipelines.surface.template import middles
from rt1t2_dask.surface.parcellation import Parcellation, region_means

Float = NDArray[np.float64]


class RegionMeansSettings(StageSettings):
    """The common mesh."""

    mesh: str


def make(inputs: Inputs) -> Made:
    """Average the ratio, which is not smoothed, by the areas of vertices."""
    mesh = inputs.settings_as(RegionMeansSettings).mesh
    regions = chosen(inputs, mesh)
    ratio = inputs.array("surface", RATIO).astype(np.float64)
    means, coverage = region_means(ratio, vertex_areas(mesh), regions)
    arrays: dict[str, NDArray[Any]] = {
        "parcels": means,
        "coverage": coverage,
        "region": np.asarray(list(regions.names), np.int32),
    }
    missing = int(np.isnan(means).sum())
    dataset = xr.Dataset({name: table(name, values) for name, values in arrays.items()})
    return Made(dataset, {"missing": missing})


def chosen(inputs: Inputs, mesh: str) -> Parcellation:
    """Return the regions of a stage that is planned only where there are some."""
    found = regions_of(inputs.task, mesh)
    assert found is not None
    return found


def vertex_areas(mesh: str) -> Float:
    """Return the areas of both hemispheres' vertices on the midthickness, mm^2."""
    return np.concatenate([own.vertex_areas for own in middles(mesh)])
