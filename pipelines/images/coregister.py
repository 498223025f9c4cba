"""Stage `coregister`: rigid registration of T2w to T1w."""

from __future__ import annotations

import xarray as xr

from rt1t2_dask.images.registration.coregister import align, as_given, working_pair
from rt1t2_dask.images.registration.mirror import check_not_mirrored, compare_mirrored
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table


class CoregisterSettings(StageSettings):
    """Whether images are compared with their mirror images."""

    mirrored: bool


def make(inputs: Inputs) -> Made:
    """Register the T2w to the T1w."""
    t1w, t2w = inputs.volume("ingest", "t1w"), inputs.volume("ingest", "t2w")
    given = inputs.record("ingest")["t2w_is_on_t1w"]
    settings, pair = inputs.settings_as(CoregisterSettings), working_pair(t1w, t2w)
    found = as_given(t1w, t2w) if given else align(*pair)
    record = {"mutual_information": found.mutual_information}
    if settings.mirrored:
        mirrored = compare_mirrored(*pair, found.matrix)
        check_not_mirrored(mirrored)
        record["mirrored_gain"] = mirrored.gain
    return Made(xr.Dataset({"rigid": table("rigid", found.matrix)}), record)
