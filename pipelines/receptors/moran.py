"""Stage `autocorrelation`: Moran's I of each person's regions, compared between two groups."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings, read_scaled
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.receptors.correlations import space_of
from rt1t2_dask.receptors.spatial.autocorrelation import (
    compare_autocorrelation,
    inverse_distances,
)


class MoranSettings(ScaleSettings):
    """Who is a patient, and how often labels are permuted."""

    patient: tuple[bool, ...]
    n_permutations: int
    seed: int


def make(inputs: Inputs) -> Made:
    """Compare Moran's I of regional deviations between patients and controls."""
    settings = inputs.settings_as(MoranSettings)
    patient = np.asarray(settings.patient, dtype=np.bool_)
    people = np.stack([
        read_scaled(settings, k, inputs.array("row", "parcels", k)) for k in range(len(patient))
    ])  # fmt: skip
    weights = inverse_distances(space_of(inputs).distance)
    found = compare_autocorrelation(
        people, patient, weights, settings.n_permutations, settings.seed
    )
    arrays = xr.Dataset({"moran": table("moran", found.moran)})
    told = {"difference": found.difference, "p": found.p}
    return Made(arrays, {name: None if np.isnan(v) else v for name, v in told.items()})
