"""Stage `deviation_controls`: controls left out in turn, and the smoothness of their residuals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.calibration.map_scale import joint_scale
from rt1t2_dask.pipelines.deviation.block import maps_of
from rt1t2_dask.pipelines.deviation.found import Found, clusters_of, shares_beyond
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid
from rt1t2_dask.stats.clusters.smoothness import fwhm_voxels, sampled_rows
from rt1t2_dask.stats.deviation import ALONE, leverages, standardised

TABLE = "controls.tsv"
RUN_BYTES = 2**27
Float = NDArray[np.float64]
Values = NDArray[np.float32]


class ControlsSettings(StageSettings):
    """The controls' model, and the height, as p, and extent of their clusters.

    Parameters
    ----------
    matrix : tuple of tuple of float
        A row a control.
    """

    matrix: tuple[tuple[float, ...], ...]
    p: float
    extent_mm3: float


def make(inputs: Inputs) -> Made:
    """Estimate smoothness, and count what each control shows against the others."""
    settings = inputs.settings_as(ControlsSettings)
    grid = common_grid(inputs)
    mask = analysis_mask(inputs, grid)
    matrix = np.asarray(settings.matrix)
    fwhm = _fwhm(inputs, matrix, mask)
    dof = len(matrix) - matrix.shape[1] - 1
    rows = []
    for t, freedom in _each(inputs, len(matrix), int(mask.sum())):
        found = Found.of(t, freedom, mask, grid, float(dof), fwhm)
        rows.append(_row(found, settings) if found.voxels else {})
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table.insert(0, "control", np.arange(1, len(rows) + 1))
    record = {"fwhm_voxels": fwhm.tolist(), "n": len(matrix), "scale": joint_scale(inputs, "block")}
    return Made(xr.Dataset(), record, {TABLE: tsv_file(table)})


_COLUMNS = ("largest_t", "p_fwe_rft", "clusters", "volume_mm3", "share_higher", "share_lower")


def _row(found: Found, settings: ControlsSettings) -> dict[str, Any]:
    clusters = [one for own in clusters_of(found, settings) for one in own.clusters]
    higher, lower = shares_beyond(found, settings.p)
    largest = found.place
    return {
        "largest_t": float(found.t.data[largest]),
        "p_fwe_rft": float(found.rft_p(abs(found.at_nominal()[largest]))),
        "clusters": len(clusters),
        "volume_mm3": sum(one.volume_mm3 for one in clusters),
        "share_higher": higher,
        "share_lower": lower,
    }


def _each(inputs: Inputs, n: int, voxels: int) -> Iterator[tuple[Values, Values]]:
    """Yield t and degrees of freedom of each control over the mask's voxels, read by runs."""
    run = max(1, RUN_BYTES // (8 * max(1, voxels)))
    for start in range(0, n, run):
        maps = maps_of(inputs, slice(start, start + run))
        yield from zip(maps["t"], maps["dof"], strict=True)


def _fwhm(inputs: Inputs, matrix: Float, mask: NDArray[np.bool_]) -> Float:
    """Estimate the smoothness in voxels where every control is measured."""
    n, voxels = len(matrix), int(mask.sum())
    leverage, nominal = leverages(matrix), len(matrix) - matrix.shape[1] - 1
    predicted = 1 - leverage > ALONE
    complete = np.ones(voxels, bool)
    for k, (_, dof) in enumerate(_each(inputs, n, voxels)):
        complete &= (dof == nominal) | ~predicted[k]
    inside = mask.copy()
    inside[mask] = complete
    rows = set(sampled_rows(n))
    residuals = (
        _residual(t[complete], nominal, leverage[k]) if predicted[k] else np.zeros(complete.sum())
        for k, (t, _) in enumerate(_each(inputs, n, voxels))
        if k in rows
    )
    return fwhm_voxels(residuals, inside, nominal + 1, n)


def _residual(t: Values, dof: float, leverage: float) -> Float:
    return np.asarray(standardised(t[None], dof, [leverage])[0])
