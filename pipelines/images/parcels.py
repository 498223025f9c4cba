"""Stage `parcels`: one person's mean smoothed ratio over each grey-matter region."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.atlas import Atlas, neuromorphometrics, on_grid, share_in_view
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.stats.parcels import measured_means, parcel_voxels


def make(inputs: Inputs) -> Made:
    """Average over the regions of Neuromorphometrics."""
    return region_means(inputs, neuromorphometrics(inputs.asset(ATLAS)))


def region_means(inputs: Inputs, atlas: Atlas) -> Made:
    """Average a person's smoothed map over the regions of an atlas, with coverage.

    Voxels outside the map's grid count as missing.
    """
    smoothed = inputs.volume("smooth", "smoothed")
    labels = on_grid(atlas, smoothed.grid)
    means, coverage = measured_means(
        smoothed.data, labels, atlas.grey, share_in_view(atlas, smoothed.grid)
    )
    arrays: dict[str, NDArray[Any]] = {
        "parcels": means,
        "coverage": coverage,
        "region": np.asarray(atlas.grey, dtype=np.int32),
        "region_voxels": parcel_voxels(labels, atlas.grey),
    }
    return Made(xr.Dataset({name: table(name, values) for name, values in arrays.items()}))
