"""Stage `left_out_effects`: effects of people and groups in clusters found without the person."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from rt1t2_dask.pipelines.contrasts.design_settings import DesignSettings, from_settings
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.ordered.left_out import CLUSTERS, MEANS, VOLUME
from rt1t2_dask.stats.order.left_out import by_group, left_out_effects
from rt1t2_dask.stats.scale import Scale

PEOPLE, GROUPS = "left_out.tsv", "left_out_groups.tsv"


class EffectsSettings(StageSettings):
    """The design, its groups in their order, and the directions of the clusters."""

    design: DesignSettings
    groups: tuple[str, ...]
    directions: tuple[str, ...]


def make(inputs: Inputs) -> Made:
    """Table the effect of each person and the mean of each group."""
    settings = inputs.settings_as(EffectsSettings)
    scale = Scale(inputs.record("contrast")["scale"])
    parts = range(len(inputs.parts("left_out")))
    means, clusters, volume = (
        np.concatenate([inputs.array("left_out", name, k) for k in parts])
        for name in (MEANS, CLUSTERS, VOLUME)
    )
    people, groups = [], []
    for d, direction in enumerate(settings.directions):
        rows = _people(means[:, d], settings, scale)
        rows.insert(0, "direction", direction)
        rows["clusters"], rows["volume_mm3"] = clusters[:, d].astype(int), volume[:, d]
        people.append(rows)
        groups.append(_groups(rows, settings, direction))
    files = {PEOPLE: tsv_file(pd.concat(people)), GROUPS: tsv_file(pd.concat(groups))}
    return Made(xr.Dataset(), {"scale": scale.value}, files)


def _people(
    means: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    settings: EffectsSettings,
    scale: Scale,
) -> pd.DataFrame:
    """Return a row a person: their own mean over the clusters, and what it differs by."""
    design = from_settings(settings.design)
    effects, everybody = left_out_effects(means, design)
    return pd.DataFrame(
        {
            "row": [f"observation-{k + 1}" for k in range(design.n)],
            "group": design.group,
            "mean": np.diag(means),
            "mean_everybody": everybody,
            "effect": effects,
            "percent": scale.percent(effects, everybody),
        }
    )


def _groups(rows: pd.DataFrame, settings: EffectsSettings, direction: str) -> pd.DataFrame:
    """Return mean and interval of each group, of the mean itself, the effect and in percent."""
    found = []
    for measure in ("mean", "effect", "percent"):
        own = by_group(rows[measure].to_numpy(float), rows["group"].tolist(), settings.groups)
        own.insert(0, "measure", measure)
        found.append(own)
    whole = pd.concat(found)
    whole.insert(0, "direction", direction)
    return whole
