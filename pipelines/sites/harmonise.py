"""Stages `combat` and `harmonised`: estimate site effects, and remove them from each map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings, read_scaled
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.voxelwise.blocks import Block, Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid, scattered
from rt1t2_dask.ratio.scaled import unscaled
from rt1t2_dask.sites.combat import Harmoniser, Standardised, join, shrink, standardise
from rt1t2_dask.sites.diagnostics import SiteVariance, site_variance
from rt1t2_dask.stats.glm.sufficient import Sums, accumulate
from rt1t2_dask.variables import attributes

Float = NDArray[np.float64]
ARRAYS = ("mean", "slopes", "deviation", "gamma", "delta")
OF_SITE = ("gamma", "delta")
SLICES = 16


class SiteSettings(ScaleSettings):
    """Who is at which site, with which covariates, and the site that others are brought to."""

    sites: tuple[str, ...]
    site: tuple[int, ...]
    covariates: tuple[tuple[float, ...], ...]
    reference: int | None
    space: str


class PlaceSettings(ScaleSettings):
    """One person's site and covariates."""

    site: int
    covariates: tuple[float, ...]


def learn(inputs: Inputs) -> Made:
    """Estimate the site effects of every voxel."""
    settings = inputs.settings_as(SiteSettings)
    grid = common_grid(inputs)
    inside = analysis_mask(inputs, grid)
    people, rows = SitePeople(settings), Rows.open(inputs)
    blocks = voxel_blocks(grid.shape, inside, len(rows))
    index = [block.index for block in blocks]
    before: list[SiteVariance] = []
    found: list[Standardised] = []
    for block in blocks:
        sums = people.sums(rows.read(block))
        before.append(site_variance(sums))
        found.append(standardise(sums, people.reference))
    model = shrink(join(found, index), people.reference)
    after = [_left(people, rows, block, model) for block in blocks]
    maps = {f"site_{n}_{when}": whole(parts, index, n)
            for when, parts in (("before", before), ("after", after))
            for n in ("share", "span")}  # fmt: skip
    return Made(_dataset(model, maps, inside, grid, settings.space), _record(people, maps))


class SitePeople:
    """Site and covariates of each person."""

    def __init__(self, settings: SiteSettings) -> None:
        self.names = list(settings.sites)
        self.site = np.asarray(settings.site)
        self.covariates = np.asarray(settings.covariates, np.float64)
        self.reference = settings.reference

    def sums(self, values: NDArray[Any]) -> list[Sums]:
        """Sum each site over [1, covariates]; ``values`` of shape (person, voxel)."""
        design = np.column_stack([np.ones(len(self.site)), self.covariates])
        here = (self.site == k for k in range(len(self.names)))
        return [accumulate(values[rows], design[rows]) for rows in here]


def _left(people: SitePeople, rows: Rows, block: Block, model: Harmoniser) -> SiteVariance:
    """Compute the residual site effects of a block after harmonisation, in a second pass."""
    own = model.at(block.index)
    values = np.asarray(rows.read(block), np.float64)
    for k in range(len(people.names)):
        here = people.site == k
        values[here] = own.apply(values[here], k, people.covariates[here])
    return site_variance(people.sums(values))


def whole(parts: Sequence[SiteVariance], index: Sequence[NDArray[np.intp]], name: str) -> Float:
    """Concatenate one quantity of all blocks, shape (voxel,)."""
    joined = np.full(sum(map(len, index)), np.nan)
    for part, where in zip(parts, index, strict=True):
        joined[where] = getattr(part, name)
    return joined


def _dataset(
    model: Harmoniser,
    maps: dict[str, Float],
    inside: NDArray[np.bool_],
    grid: Grid,
    space: str,
) -> xr.Dataset:
    arrays = {n: to_array(n, scattered(v, inside, grid), space=space) for n, v in maps.items()}
    for name in ARRAYS:
        values = np.atleast_2d(getattr(model, name))
        stacked = np.full((len(values), *grid.shape[::-1]), np.nan, np.float32)
        stacked[:, inside.transpose(2, 1, 0)] = _in_storage_order(values, inside)
        attrs = attributes(f"combat_{name}") | {"affine": grid.affine.tolist(), "space": space}
        dims = (f"row_{name}", "z", "y", "x")
        arrays[f"combat_{name}"] = xr.DataArray(stacked, dims=dims, attrs=attrs)
    return xr.Dataset(arrays)


def _in_storage_order(values: Float, inside: NDArray[np.bool_]) -> Float:
    """Reorder values of ``volume[mask]`` from (x, y, z) to (z, y, x)."""
    order = np.empty(inside.shape, np.intp)
    order[inside] = np.arange(int(inside.sum()))
    stored = inside.transpose(2, 1, 0)
    return values[:, order.transpose(2, 1, 0)[stored]]


def _record(people: SitePeople, maps: dict[str, Float]) -> dict[str, Any]:
    counts = {name: int((people.site == k).sum()) for k, name in enumerate(people.names)}
    return {"people": counts} | medians(maps)


def medians(maps: dict[str, Float]) -> dict[str, float | None]:
    """Return the median of each map; None without values."""
    return {
        name: float(np.nanmedian(v)) if np.isfinite(v).any() else None for name, v in maps.items()
    }


def apply(inputs: Inputs) -> Made:
    """Harmonise one person's smoothed map, a few slices at a time."""
    smoothed, learnt = inputs.dataset("smooth")["smoothed"], inputs.dataset("combat")
    settings = inputs.settings_as(PlaceSettings)
    site, covariates = settings.site, np.asarray(settings.covariates, np.float64)[None]
    values = read_scaled(settings, 0, smoothed.to_numpy().copy())
    for start in range(0, len(values), SLICES):
        part = slice(start, start + SLICES)
        mean, slopes, deviation, gamma, delta = (
            _rows(learnt[f"combat_{name}"], part, site if name in OF_SITE else None)
            for name in ARRAYS
        )
        own = Harmoniser(mean[0], slopes, deviation[0], gamma, delta)
        flat = values[part].reshape(1, -1).astype(np.float64)
        values[part] = own.apply(flat, 0, covariates).reshape(values[part].shape)
    array = smoothed.copy(data=unscaled(values, settings.scale))
    record = {
        "voxels": int(np.isfinite(values).sum()),
        "negative_share": inputs.record("smooth").get("negative_share", 0.0),
    }
    return Made(xr.Dataset({"smoothed": array}), record)


def _rows(array: xr.DataArray, part: slice, row: int | None) -> Float:
    """Read all rows, or one, of a slab, shape (row, voxel)."""
    chosen = array[:, part] if row is None else array[row : row + 1, part]
    return np.asarray(chosen.to_numpy(), np.float64).reshape(len(chosen), -1)
