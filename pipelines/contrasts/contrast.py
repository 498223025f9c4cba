"""Stage `contrast`: t or F at every voxel, by blocks, and the smoothness of residuals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.calibration.map_scale import scale_of_maps
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, from_settings
from rt1t2_dask.pipelines.contrasts.stat_maps import NAMES, maps_of
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.names import ANCHOR
from rt1t2_dask.pipelines.voxelwise.blocks import (
    BLOCK_BYTES,
    FLOAT_BYTES,
    Block,
    Rows,
    voxel_blocks,
)
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid, scattered
from rt1t2_dask.stats.clusters.smoothness import fwhm_voxels, resel_counts, sampled_rows
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import TILE_VALUES, GlmResult, fit
from rt1t2_dask.stats.glm.noise import Noise, estimate, noise_model
from rt1t2_dask.stats.glm.reml import accumulate_cy, group_variances
from rt1t2_dask.stats.scale import Scale

Float = NDArray[np.float64]
BASE_BYTES, ROW_BYTES = 480 * 2**20, 10_000
TEMPORARIES, SMOOTHNESS, COVARIANCES = 8, 12, 14


@dataclass(frozen=True)
class _Fitted:
    """Maps over the mask's voxels: statistics, baseline mean, and noise."""

    maps: Mapping[str, Float]
    complete: NDArray[np.bool_]
    estimates: Float
    deviation: Float


def peak_bytes(n: int, voxels: int, grid: int, columns: int, variance: str = "equal") -> int:
    """Estimate the peak memory of a contrast before any map is read.

    Parameters
    ----------
    n, columns : int
        Rows and columns of the design.
    voxels, grid : int
        Voxels of the mask and of the whole grid.
    variance : str
        ``spm_unequal`` pools the covariance of all rows.
    """
    block = min(BLOCK_BYTES, FLOAT_BYTES * n * voxels) + TEMPORARIES * 8 * TILE_VALUES
    maps = 8 * voxels * (len(NAMES) + columns + SMOOTHNESS) + 8 * grid * SMOOTHNESS
    pooled = COVARIANCES * 8 * n * n if variance == "spm_unequal" else 0
    return (
        BASE_BYTES
        + ROW_BYTES * n
        + max(block + 8 * voxels * (len(NAMES) + columns + 3), maps, pooled)
    )


def make(inputs: Inputs) -> Made:
    """Fit the design at every voxel of the mask."""
    settings = inputs.settings_as(ContrastSettings)
    grid = common_grid(inputs)
    inside = analysis_mask(inputs, grid)
    design, rows = from_settings(settings.design), Rows.open(inputs)
    blocks = voxel_blocks(grid.shape, inside, design.n)
    variance = _group_variance(rows, blocks, design, settings.variance)
    fitted = _fit(settings, rows, blocks, design, variance)
    record = _describe(fitted, rows, design, inside, variance)
    record["scale"] = scale_of_maps(inputs, settings.scale)
    record["anchor_slopes"] = _anchor_slopes(fitted, design, record["scale"])
    return Made(_dataset(fitted.maps, inside, grid, settings.space), record)


def _anchor_slopes(fitted: _Fitted, design: Design, scale: str) -> dict[str, float]:
    """Return the median over voxels of the slope of log ratio on each anchor, by column."""
    found = {}
    for k, name in enumerate(design.names):
        slopes = Scale(scale).percent(fitted.estimates[k], fitted.maps["mean"]) / 100
        if name.startswith(ANCHOR) and np.isfinite(slopes).any():
            found[name] = float(np.nanmedian(slopes))
    return found


def _group_variance(
    rows: Rows, blocks: Sequence[Block], design: Design, variance: str
) -> dict[str, float] | None:
    if variance != "spm_unequal":
        return None
    pooled = [accumulate_cy(rows.read(block), design) for block in blocks[:1]]
    for block in blocks[1:]:
        pooled[0] += accumulate_cy(rows.read(block), design)
    return group_variances(pooled[0], design)


def _fit(
    settings: ContrastSettings,
    rows: Rows,
    blocks: Sequence[Block],
    design: Design,
    variance: dict[str, float] | None,
) -> _Fitted:
    voxels = sum(block.voxels for block in blocks)
    model = noise_model(design, variance)
    names = maps_of(design)
    maps = {name: np.full(voxels, np.nan) for name in (*names, "mean")}
    complete = np.zeros(voxels, bool)
    estimates, deviation = (
        np.full((design.matrix.shape[1], voxels), np.nan),
        np.full(voxels, np.nan),
    )
    for block in blocks:
        data = rows.read(block)
        result = _tested(data, design, settings, variance)
        for name in names:
            maps[name][block.index] = getattr(result, name)
        maps["mean"][block.index] = rows.baseline(block, data, settings.baseline)
        complete[block.index] = np.isfinite(data).all(axis=0) & np.isfinite(result.t)
        estimates[:, block.index], deviation[block.index] = estimate(data, design, model)
    return _Fitted(maps, complete, estimates, deviation)


def _tested(
    data: NDArray[np.float32],
    design: Design,
    settings: ContrastSettings,
    variance: dict[str, float] | None,
) -> GlmResult:
    return fit(
        data,
        design,
        settings.variance,
        group_variance=variance,
        min_group_n=settings.min_group_n,
        min_group_share=settings.min_group_share,
    )


def _dataset(
    maps: Mapping[str, Float], inside: NDArray[np.bool_], grid: Grid, space: str
) -> xr.Dataset:
    arrays = {(NAMES | {"mean": "stat_mean"})[name]: values for name, values in maps.items()}
    return xr.Dataset(
        {
            name: to_array(name, scattered(values, inside, grid), space=space)
            for name, values in arrays.items()
        }
    )


def _describe(
    fitted: _Fitted,
    rows: Rows,
    design: Design,
    inside: NDArray[np.bool_],
    variance: dict[str, float] | None,
) -> dict[str, Any]:
    """Describe the search volume: smoothness from voxels without missing data."""
    complete, finite = fitted.complete, np.isfinite(fitted.maps["t"])
    mask, tested = inside.copy(), inside.copy()
    mask[inside], tested[inside] = complete, finite
    residuals = _residuals(fitted, rows, design, mask, variance)
    fwhm = fwhm_voxels(residuals, mask, design.dof, design.n)
    return {
        "n": design.n,
        "dof": design.dof,
        "numerator": design.q if design.q > 1 else None,
        "fwhm_voxels": fwhm.tolist(),
        "resels": resel_counts(tested, fwhm).tolist(),
        "voxels": int(tested.sum()),
        "voxels_with_missing": int((finite & ~complete).sum()),
        "group_variance": variance,
        "design_columns": list(design.names),
    }


def _residuals(
    fitted: _Fitted,
    rows: Rows,
    design: Design,
    mask: NDArray[np.bool_],
    variance: dict[str, float] | None,
) -> Iterator[Float]:
    """Yield the residuals for the smoothness estimate, by row."""
    chosen = fitted.complete
    noise = Noise(
        noise_model(design, variance), fitted.estimates[:, chosen], fitted.deviation[chosen]
    )
    for row in sampled_rows(design.n):
        yield noise.residual(row, rows.volume(row)[mask])
