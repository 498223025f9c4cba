"""Stage `share`: the sums that a site shares instead of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings, read_scaled
from rt1t2_dask.pipelines.calibration.map_scale import scale_of_maps
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table, to_array
from rt1t2_dask.pipelines.voxelwise.blocks import Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid
from rt1t2_dask.sites.cells import Cell, Patterns, count, divide
from rt1t2_dask.sites.shared import add_differences, group_sums, rounded
from rt1t2_dask.stats.clusters.neighbours import neighbour_index
from rt1t2_dask.variables import attributes, dimensions

Float = NDArray[np.float64]
REGIONS = "parcels"


class ShareSettings(ScaleSettings):
    """Everybody's group and columns, what the file says of itself, and cells made before."""

    group: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    about: dict[str, Any]
    cells: dict[str, tuple[tuple[int, ...], ...]] | None
    export: str


@dataclass(frozen=True)
class _Site:
    """Groups and columns of all people, and the division into cells."""

    groups: list[str]
    group: NDArray[np.str_]
    matrix: Float
    cells: dict[str, list[Cell]]

    def listed(self) -> list[tuple[str, Cell]]:
        return [(name, cell) for name in self.groups for cell in self.cells[name]]


def make(inputs: Inputs) -> Made:
    """Sum a site's people up over cells of enough of them."""
    settings = inputs.settings_as(ShareSettings)
    grid = common_grid(inputs)
    inside, rows = analysis_mask(inputs, grid), Rows.open(inputs)
    blocks = voxel_blocks(grid.shape, inside, len(rows))
    tally: dict[bytes, int] = {}
    for block in blocks:
        count(np.isfinite(rows.read(block)), tally)
    patterns = Patterns.of(tally, len(rows))
    site = _site(settings, patterns)
    voxels = int(inside.sum())
    cross = np.zeros((len(site.groups), site.matrix.shape[1], voxels))
    squares = np.zeros((len(site.groups), voxels))
    present = np.zeros((len(site.listed()), voxels), bool)
    for block in blocks:
        there, *sums = _summed(rows.read(block), site)
        present[:, block.index] = there
        cross[..., block.index], squares[:, block.index] = sums
    regional = _summed(_regions(inputs, settings), site)
    arrays = {
        "share_inside": _mask(inside, grid, settings.about["space"]),
        "share_grams": table("share_grams", _grams(site)),
        "share_present": table("share_present", present),
        "share_cross": table("share_cross", cross),
        "share_squares": table("share_squares", squares),
        "share_differences": table("share_differences", _differences(rows, site, inside)),
        "region": table("region", inputs.array(REGIONS, "region")),
        "share_region_present": table("share_region_present", regional[0]),
        "share_region_cross": table("share_region_cross", regional[1]),
        "share_region_squares": table("share_region_squares", regional[2]),
    }
    about = dict(settings.about)
    about |= {"scale": scale_of_maps(inputs, about["scale"])}
    about |= {"cells": [name for name, _ in site.listed()]}
    return Made(xr.Dataset(arrays, attrs=about), _record(site, patterns))


def _site(settings: ShareSettings, patterns: Patterns) -> _Site:
    """Take the cells of an earlier export of the same people, else divide each group."""
    group, groups = np.asarray(settings.group, np.str_), list(settings.about["groups"])
    matrix = np.asarray(settings.matrix, np.float64)
    if settings.cells is not None:
        known = {g: [np.asarray(c) for c in cells] for g, cells in settings.cells.items()}
        return _Site(groups, group, matrix, known)
    least = settings.about["minimum_people"]
    members = {g: np.flatnonzero(group == g) for g in groups}
    return _Site(
        groups,
        group,
        matrix,
        {g: divide(rows, patterns, matrix, least) for g, rows in members.items()},
    )


def _summed(values: NDArray[Any], site: _Site) -> tuple[NDArray[np.bool_], Float, Float]:
    each = [group_sums(values, site.matrix, site.cells[name]) for name in site.groups]
    present = np.concatenate([sums.present for sums in each])
    return present, np.stack([s.cross for s in each]), np.stack([s.squares for s in each])


def _grams(site: _Site) -> Float:
    return np.stack([site.matrix[cell].T @ site.matrix[cell] for _, cell in site.listed()])


def _regions(inputs: Inputs, settings: ShareSettings) -> Float:
    people = range(len(settings.group))
    rows = [read_scaled(settings, k, inputs.array(REGIONS, REGIONS, k)) for k in people]
    return np.asarray(np.stack(rows), np.float64)


def _differences(rows: Rows, site: _Site, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Sum squared differences of neighbouring voxels over each group, person by person."""
    index = neighbour_index(inside)
    found = np.empty((len(site.groups), 6, index.shape[1]), np.float32)
    for k, name in enumerate(site.groups):
        total = np.zeros((6, index.shape[1]))
        for row in np.flatnonzero(site.group == name).tolist():
            add_differences(total, rows.volume(row)[inside].astype(np.float64), index)
        found[k] = rounded(total)
    return found


def _mask(inside: NDArray[np.bool_], grid: Grid, space: str) -> xr.DataArray:
    return to_array("share_inside", Volume(inside.astype(np.uint8), grid.affine), space=space)


def _record(site: _Site, patterns: Patterns) -> dict[str, Any]:
    """Record who is in which cell, for this site only, and how much is shared."""
    total = int(patterns.voxels.sum())
    kept: dict[str, list[float]] = {}
    for name in site.groups:
        cells = site.cells[name]
        people = np.concatenate(cells)
        measured = int((patterns.present[:, people].sum(axis=1) * patterns.voxels).sum())
        whole = patterns.present[:, people].all(axis=1)
        kept[name] = [
            float(patterns.voxels[whole].sum() / total),
            patterns.kept(cells) / max(measured, 1),
        ]
    cells_by_group = {name: [c.tolist() for c in cells] for name, cells in site.cells.items()}
    return {"cells": cells_by_group, "kept": kept, "voxels": total}


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
