"""Stage `contrast`: a two-sample t at every voxel, and the smoothness of its noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.design_settings import from_settings
from rt1t2_dask.pipelines.maps import analysis_mask, common_grid, load_matrix, scattered
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import to_array
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm import GlmResult, fit, standardised_residuals
from rt1t2_dask.stats.reml import accumulate_cy, group_variances
from rt1t2_dask.stats.smoothness import fwhm_voxels, resel_counts


def design_of(settings: Any) -> Design:
    """Read the design in a stage's settings; row k is row k of the maps."""
    return from_settings(settings["design"])


def _make(inputs: Inputs) -> Made:
    grid = common_grid(inputs)
    inside = analysis_mask(inputs, grid)
    matrix = load_matrix(inputs, inside)
    inside, matrix = _varying(inside, matrix)
    design = design_of(inputs.settings)
    variance = _group_variance(matrix, design, inputs.settings["variance"])
    result = fit(
        matrix,
        design,
        inputs.settings["variance"],
        group_variance=variance,
        min_group_n=inputs.settings["min_group_n"],
        min_group_share=inputs.settings["min_group_share"],
    )
    arrays: dict[str, NDArray[Any]] = {
        "stat_t": result.t,
        "stat_z": result.z,
        "stat_effect": result.effect,
        "stat_d": result.hedges_g,
        "stat_n": result.n,
        "stat_dof": result.dof,
    }
    dataset = xr.Dataset(
        {
            name: to_array(name, scattered(values, inside, grid), space=inputs.settings["space"])
            for name, values in arrays.items()
        }
    )
    return Made(dataset, _record(matrix, design, result, inside, variance))


def _varying(
    inside: NDArray[np.bool_], matrix: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Leave out voxels that are the same in everybody, as SPM12 does."""
    spread = np.nanmax(matrix, axis=0, initial=-np.inf) - np.nanmin(matrix, axis=0, initial=np.inf)
    keep = spread > 0
    narrowed = inside.copy()
    narrowed[inside] = keep
    return narrowed, matrix[:, keep]


def _group_variance(
    matrix: NDArray[np.float32], design: Design, variance: str
) -> dict[str, float] | None:
    if variance != "spm_unequal":
        return None
    return group_variances(accumulate_cy(matrix[design.rows], design), design)


def _record(
    matrix: NDArray[np.float32],
    design: Design,
    result: GlmResult,
    inside: NDArray[np.bool_],
    variance: dict[str, float] | None,
) -> dict[str, Any]:
    """Describe the search volume: smoothness from voxels where everybody was measured."""
    complete = np.isfinite(matrix).all(axis=0) & np.isfinite(result.t)
    mask = inside.copy()
    mask[inside] = complete
    residuals = standardised_residuals(matrix[:, complete], design, group_variance=variance)
    fwhm = fwhm_voxels(residuals, mask, design.dof)
    tested = inside.copy()
    tested[inside] = np.isfinite(result.t)
    return {
        "n": design.n,
        "dof": design.dof,
        "fwhm_voxels": fwhm.tolist(),
        "resels": resel_counts(tested, fwhm).tolist(),
        "voxels": int(tested.sum()),
        "voxels_with_missing": int((np.isfinite(result.t) & ~complete).sum()),
        "group_variance": variance,
        "design_columns": list(design.names),
    }


CONTRAST = Stage("contrast", _make, gigabytes=1.0)
