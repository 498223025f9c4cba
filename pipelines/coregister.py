"""Stage `coregister`: where the T2w lies relative to the T1w."""

from __future__ import annotations

import xarray as xr

from rt1t2_dask.images.coregister import rigid
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import table


def _make(inputs: Inputs) -> Made:
    found = rigid(inputs.volume("ingest", "t1w"), inputs.volume("ingest", "t2w"))
    dataset = xr.Dataset({"rigid": table("rigid", found.matrix)})
    return Made(dataset, {"mutual_information": found.mutual_information})


COREGISTER = Stage(
    "coregister",
    _make,
    libraries=("SimpleITK",),
    needs=("ingest",),
)
