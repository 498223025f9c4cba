"""Stages `permute_observed` and `permute_batch`: observed and relabeled statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table, to_array
from rt1t2_dask.pipelines.permutations.data import RelabelSettings, Residualised, residualised
from rt1t2_dask.pipelines.voxelwise.maps import scattered
from rt1t2_dask.stats.clusters.spatial import Placed, observed_statistic, relabel
from rt1t2_dask.stats.permutation.null import p_fwe
from rt1t2_dask.stats.permutation.prepared import identity

Float = NDArray[np.float64]


class BatchSettings(RelabelSettings):
    """The relabelings of a batch: from ``first`` up to ``last``."""

    first: int
    last: int


def observe(inputs: Inputs) -> Made:
    """Compute the statistics of the data as they are."""
    data = residualised(inputs)
    z, statistic = np.full(data.voxels, np.nan), np.zeros(data.voxels, np.float32)

    def watched() -> Iterator[Placed]:
        for index, block in data.blocks():
            z[index] = block.z
            statistic[index] = observed_statistic(block)
            yield index, block

    found = relabel(watched(), identity(data.design.n), data.search).tails
    arrays = {"stat_z": z}
    if data.search.tfce:
        arrays["enhanced"] = data.search.enhance(statistic)
    record = {
        "voxels": data.voxels,
        "rows": data.design.n,
        "observed": {name: float(tails.both[0]) for name, tails in found.items()},
    }
    return Made(_volumes(arrays, data), record)


def relabel_batch(inputs: Inputs) -> Made:
    """Run a batch of relabelings, unless enough was reached before."""
    settings = inputs.settings_as(BatchSettings)
    observed = inputs.record("observed")["observed"]
    if settings.early_stop and _stopped(inputs, observed, settings.early_stop):
        return Made(xr.Dataset(), {"skipped": True})
    data = residualised(inputs)
    orders = data.plan(settings.last).span(settings.first, settings.last)
    found = data.relabel(orders)
    tails = found.tails
    arrays = {
        "null_positive": table("null_positive", tails["max_t"].positive),
        "null_negative": table("null_negative", tails["max_t"].negative),
    }
    for name in data.search.statistics:
        arrays[f"null_{name}"] = table(f"null_{name}", tails[name].both)
    reached = {name: _reached(tails[name].both, top) for name, top in observed.items()}
    volumes = _volumes({"exceedances": found.exceed}, data)
    return Made(volumes.assign(arrays), {"n": len(orders), "reached": reached, "skipped": False})


def _reached(null: Float, observed: float) -> int:
    """Count relabelings at least as extreme as the observed value."""
    return round(float(p_fwe(observed, null)) * (len(null) + 1)) - 1


def _stopped(inputs: Inputs, observed: dict[str, float], enough: int) -> bool:
    """Whether the batches of the rounds before have reached the count asked for."""
    counts = dict.fromkeys(observed, 0)
    for part in inputs.parts("batch"):
        record = inputs.lake.record(part)
        if record["skipped"]:
            return True
        counts = {name: counts[name] + record["reached"][name] for name in counts}
    return bool(min(counts.values()) >= enough)


def _volumes(arrays: dict[str, Any], data: Residualised) -> xr.Dataset:
    space, grid = data.settings.space, data.statistic_map.grid
    volumes: dict[str, Volume] = {n: scattered(v, data.inside, grid) for n, v in arrays.items()}
    return xr.Dataset({name: to_array(name, v, space=space) for name, v in volumes.items()})
