"""Stages `combat`, `site_effects`, `harmonised`: find site effects, and remove them from maps."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings, read_scaled
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import grid_of, to_array, to_volume
from rt1t2_dask.pipelines.voxelwise.maps import scattered
from rt1t2_dask.pipelines.voxelwise.sums import total_of
from rt1t2_dask.ratio.scaled import unscaled
from rt1t2_dask.sites.combat import Harmoniser, shrink, standardise
from rt1t2_dask.sites.diagnostics import SiteVariance, site_variance
from rt1t2_dask.variables import attributes

Float = NDArray[np.float64]
ARRAYS = ("mean", "slopes", "deviation", "gamma", "delta")
OF_SITE = ("gamma", "delta")
SLICES = 16


class SiteSettings(StageSettings):
    """The sites, and the one that others are brought to."""

    sites: tuple[str, ...]
    people: tuple[int, ...]
    reference: int | None
    space: str


class PlaceSettings(ScaleSettings):
    """One person's site and covariates."""

    site: int
    covariates: tuple[float, ...]


def learn(inputs: Inputs) -> Made:
    """Estimate the site effects of every voxel from the sums of each site."""
    settings = inputs.settings_as(SiteSettings)
    mask, summed = total_of(inputs)
    sites, inside, grid = summed.groups, to_volume(mask).data.astype(bool), grid_of(mask)
    model = shrink(standardise(sites, settings.reference), settings.reference)
    before = site_variance(sites)
    after = site_variance([model.of_sums(own, k) for k, own in enumerate(sites)])
    maps = _maps(before, "before") | _maps(after, "after")
    record = {"people": dict(zip(settings.sites, settings.people, strict=True))}
    return Made(_dataset(model, maps, inside, grid, settings.space), record | medians(maps))


def effects(inputs: Inputs) -> Made:
    """Map the share and the span of site effects, without harmonisation."""
    settings = inputs.settings_as(SiteSettings)
    mask, summed = total_of(inputs)
    inside, grid = to_volume(mask).data.astype(bool), grid_of(mask)
    maps = _maps(site_variance(summed.groups), "before")
    return Made(_volumes(maps, inside, grid, settings.space), medians(maps))


def _maps(found: SiteVariance, when: str) -> dict[str, Float]:
    return {f"site_{name}_{when}": getattr(found, name) for name in ("share", "span")}


def _volumes(
    maps: dict[str, Float], inside: NDArray[np.bool_], grid: Grid, space: str
) -> xr.Dataset:
    return xr.Dataset(
        {n: to_array(n, scattered(v, inside, grid), space=space) for n, v in maps.items()}
    )


def _dataset(
    model: Harmoniser,
    maps: dict[str, Float],
    inside: NDArray[np.bool_],
    grid: Grid,
    space: str,
) -> xr.Dataset:
    arrays = dict(_volumes(maps, inside, grid, space))
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
