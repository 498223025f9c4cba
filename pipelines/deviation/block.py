"""Stage `deviation_block`: patients against the controls, each left out, at a share of voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings
from rt1t2_dask.pipelines.calibration.map_scale import scale_of_maps
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.voxelwise.blocks import Rows
from rt1t2_dask.pipelines.voxelwise.maps import common_grid
from rt1t2_dask.pipelines.voxelwise.shares import VoxelShare, own_blocks
from rt1t2_dask.stats.deviation import LeftOut, extremes, joined_extremes, left_out
from rt1t2_dask.stats.glm.columns import blocks as spans

Float = NDArray[np.float64]
TILE = 4096
MAPS = ("t", "dof", "difference", "expected")
"""The first two are kept of controls too."""


class BlockSettings(ScaleSettings, VoxelShare):
    """Who is compared, and which share of the voxels.

    Parameters
    ----------
    matrix : tuple of tuple of float
        A row a person: the controls, then the patients.
    controls : int
        How many are controls.
    least : int
        Others who must be measured at a voxel.
    planned : str
        Scale of the maps, as far as settings tell.
    """

    matrix: tuple[tuple[float, ...], ...]
    controls: int
    least: int
    planned: str


def maps_of(inputs: Inputs, people: slice = slice(None)) -> dict[str, NDArray[np.float32]]:
    """Read maps of some people, shape (person, voxel), in the order of the mask's voxels.

    Parameters
    ----------
    inputs : Inputs
        With parts of `deviation_block` under ``block``.
    people : slice
        Of the patients, or of the controls where there are no patients.
    """
    full = _full(inputs)
    order = np.argsort(np.concatenate([own["left_out_index"].to_numpy() for own in full]))
    found = {}
    for name in (name for name in MAPS if f"left_out_{name}" in full[0]):
        parts = [own[f"left_out_{name}"][people].to_numpy() for own in full]
        found[name] = np.concatenate(parts, axis=1)[:, order]
    return found


def extremes_of(inputs: Inputs, patient: int) -> Float:
    """Read everybody's largest and smallest z with a patient added, shape (row, 2)."""
    return joined_extremes([own["left_out_extremes"][patient].to_numpy() for own in _full(inputs)])


def _full(inputs: Inputs) -> list[xr.Dataset]:
    datasets = (inputs.dataset("block", k) for k in range(len(inputs.parts("block"))))
    return [own for own in datasets if "left_out_index" in own]


def make(inputs: Inputs) -> Made:
    """Compare every patient with the controls; without patients, every control with the others."""
    settings, rows = inputs.settings_as(BlockSettings), Rows.open(inputs)
    record = {"scale": scale_of_maps(inputs, settings.planned)}
    own = own_blocks(inputs, common_grid(inputs), len(rows))
    found = [_compared(settings, rows.read(block)) for block in own]
    if not found:
        return Made(xr.Dataset(), {**record, "voxels": 0})
    arrays: dict[str, NDArray[Any]] = {
        "index": np.concatenate([block.index for block in own]),
        **{name: np.concatenate([maps[name] for maps, _ in found], axis=1) for name in found[0][0]},
        "extremes": np.stack(
            [joined_extremes(each) for each in zip(*(ends for _, ends in found), strict=True)]
        ),
    }
    dataset = {f"left_out_{n}": table(f"left_out_{n}", values) for n, values in arrays.items()}
    return Made(xr.Dataset(dataset), {**record, "voxels": len(arrays["index"])})


def _compared(
    settings: BlockSettings, data: NDArray[np.float32]
) -> tuple[dict[str, NDArray[np.float32]], list[Float]]:
    """Return maps by name, shape (person, voxel), and all rows' extremes with each patient."""
    matrix, n = np.asarray(settings.matrix), settings.controls
    controls = list(range(n))
    sets = [[*controls, k] for k in range(n, len(matrix))] or [controls]
    alone = len(matrix) == n
    names = MAPS[:2] if alone else MAPS
    out = {name: np.empty((n if alone else len(sets), data.shape[1]), np.float32) for name in names}
    ends: list[list[Float]] = [[] for _ in sets]
    for part in spans(data.shape[1], TILE):
        for s, own in enumerate(sets):
            values = data[own, part]
            found = left_out(values, matrix[own], settings.least)
            ends[s].append(extremes(found.t, found.dof))
            people = slice(None) if alone else slice(s, s + 1)
            shown = slice(None) if alone else slice(-1, None)
            for name in names:
                out[name][people, part] = _map(found, values, name)[shown]
    return out, [joined_extremes(each) for each in ends]


def _map(found: LeftOut, values: NDArray[np.float32], name: str) -> Float:
    return values - found.difference if name == "expected" else np.asarray(getattr(found, name))
