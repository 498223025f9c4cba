"""Stage `calibrate`: intensity maps from a person to the reference."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.images.landmarks import from_tables
from rt1t2_dask.ratio.calibrate import calibrate
from rt1t2_dask.ratio.intensity_map import IntensityMap
from rt1t2_dask.ratio.reference import Reference, load_reference

CONTROLS = "reference"


class CalibrateSettings(StageSettings):
    """How intensities are brought to the reference's scale."""

    kind: str


def make(inputs: Inputs) -> Made:
    """Fit the maps of a person's intensities."""
    person = from_tables(inputs.dataset("landmarks"))
    found = calibrate(inputs.settings_as(CalibrateSettings).kind, person, _reference(inputs))
    arrays = {
        f"{contrast}_knots": table(f"{contrast}_knots", _knots(intensity_map))
        for contrast, intensity_map in found.maps.items()
    }
    reference = "controls" if inputs.parts(CONTROLS) else "icbm"
    return Made(xr.Dataset(arrays), {**found.record, "reference": reference})


def _reference(inputs: Inputs) -> Reference:
    if not inputs.parts(CONTROLS):
        return load_reference()
    return Reference(from_tables(inputs.dataset(CONTROLS)), {})


def _knots(intensity_map: IntensityMap) -> NDArray[np.float64]:
    return np.column_stack([intensity_map.knots_x, intensity_map.knots_y])
