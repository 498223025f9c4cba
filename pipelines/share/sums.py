"""Stage `share`: the sums that a site shares instead of images, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import chain
from operator import add
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings, read_scaled
from rt1t2_dask.pipelines.calibration.map_scale import scale_of_maps
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table, to_array
from rt1t2_dask.pipelines.share.block import INDEX, SUMS, joined
from rt1t2_dask.pipelines.share.cells import cells_of
from rt1t2_dask.pipelines.share.differences import DIFFERENCES
from rt1t2_dask.pipelines.share.voxels import first_grid
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask
from rt1t2_dask.sites.cells import Cell
from rt1t2_dask.sites.shared import group_sums, rounded
from rt1t2_dask.variables import attributes, dimensions

Float = NDArray[np.float64]
Cells = Mapping[str, Sequence[Cell]]
REGIONS = "parcels"


class ShareSettings(ScaleSettings):
    """Everybody's group and columns, and what the file says of itself.

    Parameters
    ----------
    group : tuple of str
        Of each person.
    matrix : tuple of tuple of float
    about : dict
        Attributes of the file.
    export : str
        Key of the record of this export.
    runs : tuple of int
        Group of each part of differences, by its place among the groups.
    """

    group: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    about: dict[str, Any]
    export: str
    runs: tuple[int, ...]


def make(inputs: Inputs) -> Made:
    """Put the sums over cells of a site's people together."""
    settings = inputs.settings_as(ShareSettings)
    grid = first_grid(inputs)
    inside, cells = analysis_mask(inputs, grid), cells_of(inputs, settings.about["groups"])
    names = [name for name, own in cells.items() for _ in own]
    sums, regional = _sums(inputs, int(inside.sum())), _regional(inputs, settings, cells)
    arrays = {
        "share_inside": _mask(inside, grid, settings.about["space"]),
        "share_grams": table("share_grams", _grams(settings, cells)),
        "share_present": table("share_present", sums["present"]),
        "share_cross": table("share_cross", sums["cross"]),
        "share_squares": table("share_squares", sums["squares"]),
        "share_differences": table("share_differences", _differences(inputs, settings.runs)),
        "region": table("region", inputs.array(REGIONS, "region")),
        "share_region_present": table("share_region_present", regional["present"]),
        "share_region_cross": table("share_region_cross", regional["cross"]),
        "share_region_squares": table("share_region_squares", regional["squares"]),
    }
    about = dict(settings.about)
    about |= {"scale": scale_of_maps(inputs, about["scale"]), "cells": names}
    return Made(xr.Dataset(arrays, attrs=about), dict(inputs.record("cells")))


def _sums(inputs: Inputs, voxels: int) -> dict[str, NDArray[Any]]:
    """Join the sums of the shares of voxels, in the order of the mask's voxels."""
    shares = [inputs.dataset("block", k) for k in range(len(inputs.parts("block")))]
    found: dict[str, NDArray[Any]] = {}
    for share in (each for each in shares if each):
        index = share[INDEX].to_numpy()
        for name in SUMS:
            own = share[f"share_{name}"].to_numpy()
            whole = found.setdefault(name, np.zeros((*own.shape[:-1], voxels), own.dtype))
            whole[..., index] = own
    return found


def _differences(inputs: Inputs, runs: Sequence[int]) -> NDArray[np.float32]:
    """Add squared differences of neighbouring voxels over the runs of each group."""
    found = []
    for group in range(max(runs) + 1):
        own = (k for k, of in enumerate(runs) if of == group)
        total = reduce(add, (inputs.array("differences", DIFFERENCES, k) for k in own))
        found.append(rounded(total))
    return np.stack(found)


def _regional(
    inputs: Inputs, settings: ShareSettings, cells: Cells
) -> dict[str, NDArray[np.generic]]:
    """Sum regional means over cells."""
    people = range(len(settings.group))
    rows = [read_scaled(settings, k, inputs.array(REGIONS, REGIONS, k)) for k in people]
    values, matrix = np.asarray(np.stack(rows), np.float64), _matrix(settings)
    return joined([group_sums(values, matrix, own) for own in cells.values()])


def _grams(settings: ShareSettings, cells: Cells) -> Float:
    matrix = _matrix(settings)
    return np.stack([matrix[c].T @ matrix[c] for c in chain.from_iterable(cells.values())])


def _matrix(settings: ShareSettings) -> Float:
    return np.asarray(settings.matrix, np.float64)


def _mask(inside: NDArray[np.bool_], grid: Grid, space: str) -> xr.DataArray:
    return to_array("share_inside", Volume(inside.astype(np.uint8), grid.affine), space=space)


def variable_words() -> Sequence[tuple[str, str, str]]:
    """Return name, dimensions and meaning of every array of the file."""
    names = [name for name in _NAMES]
    return [(n, " x ".join(dimensions(n)), str(attributes(n)["doc"])) for n in names]


_NAMES = (
    "share_inside",
    "share_grams",
    "share_present",
    "share_cross",
    "share_squares",
    "share_differences",
    "region",
    "share_region_present",
    "share_region_cross",
    "share_region_squares",
)
