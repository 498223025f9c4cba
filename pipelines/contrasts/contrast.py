"""Stage `contrast`: t or F at every voxel from blocks or sums, and the smoothness of residuals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.calibration.map_scale import joint_scale, scale_of_maps
from rt1t2_dask.pipelines.contrasts.block import Fitted, group_variance_of
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, from_settings
from rt1t2_dask.pipelines.contrasts.stat_maps import NAMES, maps_of
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import grid_of, to_array, to_volume
from rt1t2_dask.pipelines.images.names import ANCHOR
from rt1t2_dask.pipelines.voxelwise.blocks import Rows, baseline_mean
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid, scattered
from rt1t2_dask.pipelines.voxelwise.summed import Summed
from rt1t2_dask.pipelines.voxelwise.sums import total_of
from rt1t2_dask.stats.clusters.neighbours import fwhm_of_sums
from rt1t2_dask.stats.clusters.smoothness import fwhm_voxels, resel_counts, sampled_rows
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import GlmResult
from rt1t2_dask.stats.glm.grouped import fit_sums
from rt1t2_dask.stats.glm.noise import Noise, noise_model
from rt1t2_dask.stats.glm.presence import least_people
from rt1t2_dask.stats.glm.sufficient import Fit
from rt1t2_dask.stats.glm.voxelwise import without
from rt1t2_dask.stats.scale import Scale

Float = NDArray[np.float64]


@dataclass(frozen=True)
class _Tested:
    """Maps over the mask's voxels, by the names of `stat_maps`, and what describes them.

    Parameters
    ----------
    coefficients : ndarray, shape (column, voxel)
        Of the columns of the design.
    fwhm : ndarray, shape (3,)
    missing : int
        Tested voxels where somebody was not measured.
    dof : int
        Residual degrees of freedom where nobody is missing.
    """

    inside: NDArray[np.bool_]
    grid: Grid
    maps: Mapping[str, NDArray[Any]]
    mean: Float
    coefficients: Float
    fwhm: Float
    missing: int
    dof: int
    variance: dict[str, float] | None = None


def make(inputs: Inputs) -> Made:
    """Put the maps of a contrast together."""
    settings = inputs.settings_as(ContrastSettings)
    design = from_settings(settings.design)
    if inputs.parts("block"):
        found, scale = _of_blocks(inputs, design), scale_of_maps(inputs, settings.scale)
    else:
        found, scale = _of_sums(inputs, design), joint_scale(inputs, "sums")
    tested = found.inside.copy()
    tested[found.inside] = np.isfinite(found.maps["t"])
    record = {
        "n": design.n,
        "dof": found.dof,
        "numerator": design.q if design.q > 1 else None,
        "fwhm_voxels": found.fwhm.tolist(),
        "resels": resel_counts(tested, found.fwhm).tolist(),
        "voxels": int(tested.sum()),
        "voxels_with_missing": found.missing,
        "group_variance": found.variance,
        "design_columns": list(design.names),
        "scale": scale,
        "anchor_slopes": _anchor_slopes(found, design, scale),
    }
    return Made(_dataset(found, settings.space), record)


def _dataset(found: _Tested, space: str) -> xr.Dataset:
    arrays = {NAMES[name]: values for name, values in found.maps.items()}
    arrays["stat_mean"] = found.mean
    return xr.Dataset(
        {
            name: to_array(name, scattered(values, found.inside, found.grid), space=space)
            for name, values in arrays.items()
        }
    )


def _anchor_slopes(found: _Tested, design: Design, scale: str) -> dict[str, float]:
    """Return the median over voxels of the slope of log ratio on each anchor, by column."""
    slopes = {}
    for k, name in enumerate(design.names):
        own = Scale(scale).percent(found.coefficients[k], found.mean) / 100
        if name.startswith(ANCHOR) and np.isfinite(own).any():
            slopes[name] = float(np.nanmedian(own))
    return slopes


def _of_blocks(inputs: Inputs, design: Design) -> _Tested:
    """Join blocks that each read everybody."""
    grid = common_grid(inputs)
    inside, variance = analysis_mask(inputs, grid), group_variance_of(inputs, design)
    blocks = [inputs.dataset("block", k) for k in range(len(inputs.parts("block")))]
    fitted = Fitted.read([block for block in blocks if block])
    maps = dict(zip(maps_of(design), fitted.maps, strict=True))
    complete, model = inside.copy(), noise_model(design, variance)
    complete[inside] = fitted.complete
    noise = Noise(model, fitted.estimates[:, fitted.complete], fitted.deviation[fitted.complete])
    dof = design.dof - len(fitted.slopes)
    residuals = _residuals(noise, fitted.slopes[:, fitted.complete], inputs, complete)
    return _Tested(
        inside=inside,
        grid=grid,
        maps=maps,
        mean=fitted.mean,
        coefficients=model.coefficients(fitted.estimates),
        fwhm=fwhm_voxels(residuals, complete, dof, design.n),
        missing=int((np.isfinite(maps["t"]) & ~fitted.complete).sum()),
        dof=dof,
        variance=variance,
    )


def _residuals(
    noise: Noise, slopes: Float, inputs: Inputs, mask: NDArray[np.bool_]
) -> Iterator[Float]:
    """Yield the residuals for the smoothness estimate, by row."""
    rows, held = Rows.open(inputs), Rows.of_covariate(inputs)
    for row in sampled_rows(len(rows)):
        values = rows.volume(row)[mask]
        own = [] if held is None else [held.volume(row)[mask]]
        yield noise.residual(row, without(values, np.asarray(own), slopes))


def _of_sums(inputs: Inputs, design: Design) -> _Tested:
    """Fit the sums of runs of people."""
    settings = inputs.settings_as(ContrastSettings)
    mask, summed = total_of(inputs)
    inside = to_volume(mask).data.astype(bool)
    result, fit = _fit_sums(settings, design, summed)
    assert summed.baseline is not None
    return _Tested(
        inside=inside,
        grid=grid_of(mask),
        maps={name: getattr(result, name) for name in maps_of(design)},
        mean=baseline_mean(summed.baseline, settings),
        coefficients=fit.coefficients,
        fwhm=_fwhm(summed, result, fit, design, inside),
        missing=int((np.isfinite(result.t) & (fit.people < design.n)).sum()),
        dof=design.dof,
    )


def _fit_sums(settings: ContrastSettings, design: Design, summed: Summed) -> tuple[GlmResult, Fit]:
    limits = settings.min_group_n, settings.min_group_share
    least = [least_people(int((design.group == name).sum()), *limits) for name in design.groups]
    each = zip(summed.groups, least, strict=True)
    enough = np.all([own.people >= people for own, people in each], axis=0)
    everybody = design.matrix.T @ design.matrix
    variance: Literal["equal", "welch"] = "welch" if settings.variance == "welch" else "equal"
    return fit_sums(summed.groups, everybody, design.contrast, enough, variance)


def _fwhm(
    summed: Summed, result: GlmResult, fit: Fit, design: Design, inside: NDArray[np.bool_]
) -> Float:
    """Estimate smoothness where every sampled row was measured."""
    assert summed.sampled is not None
    deviation = np.sqrt(fit.residual / np.maximum(fit.people - fit.rank, 1))
    known = np.isfinite(summed.sampled.squares) & np.isfinite(result.t)
    scale = design.n / design.dof / len(sampled_rows(design.n))
    return fwhm_of_sums(
        summed.sampled, fit.coefficients, deviation, inside, known & (deviation > 0), scale
    )
