"""The statistical maps of a contrast, with the names and the content of the output folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.contrasts.group_maps import LEAST, STATISTICS
from rt1t2_dask.pipelines.contrasts.stages import CLUSTERS, CONTRAST, DETECTABLE
from rt1t2_dask.pipelines.permutations.stages import PERMUTE
from rt1t2_dask.pipelines.share.stages import POOLED
from rt1t2_dask.stats.permutation.null import p_uncorrected

SPACE = ("z", "y", "x")
STAGES = tuple(stage.name for stage in (CONTRAST, POOLED, DETECTABLE, PERMUTE, CLUSTERS))
"""Whose maps are whole: others hold blocks of voxels."""
FWE, FWE_TFCE, UNCORRECTED, EXCEED = "fwe", "fwe_tfce", "uncorrected", "exceedances"
Arrays = dict[str, xr.DataArray]


def maps_of(stage: str, arrays: xr.Dataset, rows: int, alone_of: int | None) -> Arrays:
    """Return the maps of a part by their names in the output folder.

    Parameters
    ----------
    stage : str
        Of `STAGES`.
    arrays : xarray.Dataset
        What the part holds.
    rows : int
        Of the contrast: an F has several.
    alone_of : int or None
        Relabelings that uncorrected p count; None where the run could stop early, so that they
        say nothing.
    """
    made: dict[str, Callable[[], Arrays]] = {
        CONTRAST.name: lambda: _fitted(arrays, rows),
        POOLED.name: lambda: _tested(arrays, rows),
        DETECTABLE.name: lambda: _named(arrays, LEAST),
        PERMUTE.name: lambda: _permuted(arrays, alone_of),
        CLUSTERS.name: lambda: {n: a for n, a in _every(arrays).items() if a.dims == SPACE},
    }
    return made[stage]()


def _every(arrays: xr.Dataset) -> Arrays:
    return {str(name): array for name, array in arrays.items()}


def _named(arrays: xr.Dataset, names: dict[str, str]) -> Arrays:
    return {label: arrays[name] for label, name in names.items() if name in arrays}


def _fitted(arrays: xr.Dataset, rows: int) -> Arrays:
    """Return the statistics, with d of differences, r of a slope or partial eta2 of an F."""
    found, statistic = _tested(arrays, rows), arrays[STATISTICS["t"]]
    if "stat_explained" not in arrays:
        return found
    share = arrays["stat_explained"]
    if rows > 1:
        return found | {"eta2": share}
    found.pop("d", None)
    about = share.attrs | {"doc": "partial correlation, the sign of t"}
    size = share**0.5
    return found | {"r": size.where(~(statistic < 0), -size).assign_attrs(about)}


def _tested(arrays: xr.Dataset, rows: int) -> Arrays:
    """Return the statistics as they are, t of several rows as F."""
    found = _named(arrays, STATISTICS)
    return {"F": found.pop("t"), **found} if rows > 1 else found


def _permuted(arrays: xr.Dataset, alone_of: int | None) -> Arrays:
    """Return -log10 p: family-wise, and of each voxel alone."""
    found = _named(arrays, {FWE: FWE, FWE_TFCE: FWE_TFCE})
    if alone_of is None:
        return found
    fwe = found[FWE]
    about = fwe.attrs | {"doc": "-log10 p of the voxel alone, by permutation, two-sided"}
    alone = xr.apply_ufunc(
        _minus_log10,
        arrays[EXCEED],
        fwe,
        kwargs={"n": alone_of},
        dask="parallelized",
        output_dtypes=[np.float32],
    )
    return found | {UNCORRECTED: alone.assign_attrs(about)}


def _minus_log10(exceed: NDArray[Any], fwe: NDArray[Any], n: int) -> NDArray[np.float32]:
    p = p_uncorrected(exceed, n)
    return np.where(np.isfinite(fwe), -np.log10(p), np.nan).astype(np.float32)
