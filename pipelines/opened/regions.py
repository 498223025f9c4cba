"""Everybody's means over the regions of the atlas, with the regions' names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from rt1t2_dask.pipelines.opened.people import LABEL, coordinates
from rt1t2_dask.region_columns import labels_of
from rt1t2_dask.storage.shards import PARTICIPANT
from rt1t2_dask.variables import attributes

REGION = "region"


def region_means(
    means: pd.DataFrame, atlas: pd.DataFrame, people: pd.DataFrame, *, simulated: bool
) -> xr.DataArray:
    """Return regional means as an array.

    Parameters
    ----------
    means : DataFrame
        ``participant_id`` and a column for each region, named after it; by its label in the atlas
        in studies of earlier versions.
    atlas : DataFrame
        ``index`` and ``name`` of the regions.
    people : DataFrame
        The participants.
    simulated : bool

    Returns
    -------
    xarray.DataArray
        (participant, region): names of the regions along ``region``, ``label`` beside them, and
        the participants' columns.
    """
    values = means.drop(columns=LABEL)
    names = {int(k): str(name) for k, name in zip(atlas["index"], atlas["name"], strict=True)}
    labels = labels_of(map(str, values.columns), names)
    shown = [names.get(label, str(label)) for label in labels]
    own = coordinates(people, means[LABEL].tolist())
    about = attributes("parcels") | {"simulated": simulated}
    return xr.DataArray(
        values.to_numpy(np.float64),
        dims=(PARTICIPANT, REGION),
        coords={
            **own,
            REGION: (REGION, np.asarray(shown, dtype=np.object_)),
            "label": (REGION, np.asarray(labels), {"doc": "value in the atlas"}),
        },
        attrs=about,
        name="regions",
    )
