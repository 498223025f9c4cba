"""Stage `adjusted`: the clusters of a contrast, and what is left of them with more held."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.contrasts.clusters import TABLE as CLUSTERS
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.voxelwise.blocks import Rows
from rt1t2_dask.stats.parcels import parcel_means

TABLE = "adjusted.tsv"
Float = NDArray[np.float64]


class CompareSettings(StageSettings):
    """Group of each row of the design."""

    group: tuple[str, ...]


def make(inputs: Inputs) -> Made:
    """Table each cluster's effect without and with, and each group's tissue where that is held."""
    (found,) = inputs.parts("clusters")
    clusters = pd.read_csv(io.BytesIO(inputs.lake.file(found, CLUSTERS)), sep="\t")
    labels = _labels(inputs, "clusters")
    wanted = list(range(1, len(clusters) + 1))
    rows = clusters[["sign", "volume_mm3", "region", "peak_t"]].copy()
    rows.insert(0, "cluster", wanted)
    rows["peak_t_adjusted"] = _at_peaks(inputs, clusters)
    for role, name in (("contrast", "effect"), ("adjusted", "effect_adjusted")):
        rows[name] = _effects(inputs, role, labels, wanted)
    left = _labels(inputs, "adjusted_clusters") > 0
    rows["volume_left_share"] = _over(left.astype(np.float32), labels, wanted)
    for name, means in _shares(inputs, labels, wanted).items():
        rows[f"share_{name}"] = means
    return Made(xr.Dataset(), _record(inputs), {TABLE: tsv_file(rows)})


def _effects(inputs: Inputs, role: str, labels: NDArray[np.int32], wanted: list[int]) -> Float:
    """Average the effect over clusters; NaN of an F, which has none."""
    (part,) = inputs.parts(role)
    if "stat_effect" not in inputs.lake.read(part):
        return np.full(len(wanted), np.nan)
    return _over(inputs.volume(role, "stat_effect").data, labels, wanted)


def _record(inputs: Inputs) -> dict[str, Any]:
    """Return how far the two t maps agree, and how many voxels each tested."""
    t, adjusted = (inputs.volume(role, "stat_t").data for role in ("contrast", "adjusted"))
    both = np.isfinite(t) & np.isfinite(adjusted)
    alike = float(np.corrcoef(t[both], adjusted[both])[0, 1]) if both.sum() > 1 else None
    return {"r": alike, "voxels": int(np.isfinite(adjusted).sum())}


def _labels(inputs: Inputs, role: str) -> NDArray[np.int32]:
    return np.nan_to_num(inputs.volume(role, "clusters").data).astype(np.int32)


def _over(values: NDArray[Any], labels: NDArray[np.int32], wanted: list[int]) -> Float:
    """Average a map over clusters."""
    return np.asarray(parcel_means(values, labels, wanted)) if wanted else np.empty(0)


def _at_peaks(inputs: Inputs, clusters: pd.DataFrame) -> Float:
    adjusted = inputs.volume("adjusted", "stat_t")
    peaks = clusters[[f"peak_{axis}_mm" for axis in "xyz"]].to_numpy(float)
    points = np.column_stack([peaks, np.ones(len(peaks))])
    x, y, z = np.rint(np.linalg.inv(adjusted.affine) @ points.T).astype(int)[:3]
    return np.asarray(adjusted.data[x, y, z], np.float64)


def _shares(inputs: Inputs, labels: NDArray[np.int32], wanted: list[int]) -> dict[str, Float]:
    """Return each group's mean share of tissue in every cluster; pairs are subtracted."""
    held, group = Rows.of_covariate(inputs), inputs.settings_as(CompareSettings).group
    if held is None:
        return {}
    means = np.stack([_over(held.volume(k), labels, wanted) for k in range(len(held))])
    names = np.asarray(group)
    return {name: means[names == name].mean(axis=0) for name in dict.fromkeys(group)}
