"""Stages `parcel_contrast`, `cluster_means`, `cluster_effects`: contrasts of means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.atlas import neuromorphometrics
from rt1t2_dask.pipelines.calibration.group_scale import read_scaled
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, from_settings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.voxelwise.blocks import Rows
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.effect_sizes import regional
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.stats.parcels import measured_means
from rt1t2_dask.stats.permutation import exchange
from rt1t2_dask.stats.permutation.regional import max_t
from rt1t2_dask.stats.scale import Scale

TABLE, MEANS = "effects.tsv", "cluster_means"
Float = NDArray[np.float64]


class RegionSettings(ContrastSettings):
    """What a contrast of regions is told: the contrast, and how it is permuted."""

    seed: int
    method: exchange.Method
    n: int


def make_parcels(inputs: Inputs) -> Made:
    """Test the contrast on the means of the regions of Neuromorphometrics."""
    return tested_regions(inputs, neuromorphometrics(inputs.asset(ATLAS)).names)


def tested_regions(inputs: Inputs, names: Mapping[int, str]) -> Made:
    """Test the contrast on the means of regions, with their names by label."""
    settings = inputs.settings_as(RegionSettings)
    design = from_settings(settings.design)
    data, baseline = parcel_rows(inputs, settings)
    rows = _tested(inputs, data, design, baseline)
    region = inputs.array("row", "region")
    rows["region"], rows["name"] = region, [names[int(label)] for label in region]
    rows["q_fdr"] = benjamini_hochberg(rows["p"])
    rows["p_fwe_max_t"] = _max_t(inputs, data, design) if settings.n else np.nan
    return _made(parcel_columns(rows))


def with_region_names(inputs: Inputs, role: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table of the regions of Neuromorphometrics with label and name before the rest."""
    region = inputs.array(role, "region")
    names = neuromorphometrics(inputs.asset(ATLAS)).names
    rows.insert(0, "name", [names[int(label)] for label in region])
    rows.insert(0, "region", region)
    return rows


def parcel_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """Order the columns of a regional table: names first, corrected p beside p."""
    names, corrected = ["region", "name"], ["q_fdr", "p_fwe_max_t"]
    others = [str(name) for name in rows if name not in (*names, *corrected)]
    at = others.index("p") + 1
    return rows[[*names, *others[:at], *corrected, *others[at:]]]


def make_clusters(inputs: Inputs) -> Made:
    """Compute effect sizes on the means of clusters."""
    design = from_settings(inputs.settings_as(ContrastSettings).design)
    labels, wanted = _clusters(inputs)
    runs = range(len(inputs.parts("means")))
    data = np.concatenate([inputs.array("means", MEANS, k) for k in runs])
    mean = inputs.volume("contrast", "stat_mean").data
    effects = _tested(inputs, data, design, _means([mean], labels, wanted)[0])
    effects.insert(0, "cluster", wanted)
    return _made(effects.drop(columns="p"))


def mean_of_clusters(inputs: Inputs) -> Made:
    """Average the maps of a run of rows over clusters."""
    rows, (labels, wanted) = Rows.open(inputs), _clusters(inputs)
    means = _means((rows.volume(k) for k in range(len(rows))), labels, wanted)
    return Made(xr.Dataset({MEANS: table(MEANS, means)}))


def _clusters(inputs: Inputs) -> tuple[NDArray[np.int32], list[int]]:
    labels = np.nan_to_num(inputs.volume("clusters", "clusters").data).astype(np.int32)
    return labels, list(range(1, int(labels.max(initial=0)) + 1))


def _means(volumes: Any, labels: NDArray[np.int32], wanted: list[int]) -> Float:
    if not wanted:
        return np.empty((sum(1 for _ in volumes), 0))
    return np.stack([measured_means(volume, labels, wanted)[0] for volume in volumes])


def _made(rows: pd.DataFrame) -> Made:
    return Made(xr.Dataset(), {}, {TABLE: tsv_file(rows)})


def parcel_rows(inputs: Inputs, settings: ContrastSettings) -> tuple[Float, Float]:
    """Return regional means by row, pairs subtracted, and the mean they are a share of."""
    own, other = np.stack(_read(inputs, settings)), _read(inputs, settings, partner=True)
    if other:
        return own - np.stack(other), _mean(np.stack(other))
    return own, _mean(own[np.asarray(settings.baseline, bool)]) + settings.against


def _mean(rows: Float) -> Float:
    """Average over people measured; NaN if none was."""
    count = np.isfinite(rows).sum(axis=0)
    total = np.nansum(rows, axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _read(inputs: Inputs, settings: ContrastSettings, *, partner: bool = False) -> list[Float]:
    parts = inputs.parts("partner" if partner else "row")
    read = (np.asarray(inputs.lake.read(p)["parcels"].to_numpy(), np.float64) for p in parts)
    return [read_scaled(settings, k, own, partner=partner) for k, own in enumerate(read)]


def _tested(inputs: Inputs, data: Float, design: Design, baseline: Float) -> pd.DataFrame:
    settings = inputs.settings_as(ContrastSettings)
    return regional(
        data,
        design,
        baseline,
        settings.variance,
        group_variance=inputs.record("contrast")["group_variance"],
        min_group_n=settings.min_group_n,
        min_group_share=settings.min_group_share,
        scale=Scale(inputs.record("contrast")["scale"]),
    )


def _max_t(inputs: Inputs, data: Float, design: Design) -> Float:
    settings = inputs.settings_as(RegionSettings)
    return max_t(
        data,
        design,
        settings.n,
        settings.seed,
        method=settings.method,
        variance=settings.variance,
        rules={
            "group_variance": inputs.record("contrast")["group_variance"],
            "min_group_n": settings.min_group_n,
            "min_group_share": settings.min_group_share,
        },
    )
