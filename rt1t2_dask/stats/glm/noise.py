"""Standardised residuals of a model, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.columns import blocks, combine, total
from rt1t2_dask.stats.glm.fit import Model, whitened

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Estimates and residual SD of a model, at voxels without missing data.

    Parameters
    ----------
    model : Model
    estimates : ndarray, shape (column, voxel)
    deviation : ndarray, shape (voxel,)
    """

    model: Model
    estimates: Float
    deviation: Float

    def residual(self, row: int, values: NDArray[Any]) -> Float:
        """Return the residual of one row over the SD, shape (voxel,)."""
        own = np.asarray(values, np.float64) * self.model.whitening[row]
        fitted = combine(self.model.basis[row : row + 1], self.estimates)[0]
        return np.asarray((own - fitted) / self.deviation)


def noise_model(design: Design, group_variance: dict[str, float] | None = None) -> Model:
    """Return the model whose residuals SPM12 uses: weighted if variances are given."""
    return whitened(design, "spm_unequal" if group_variance else "equal", group_variance)


def estimate(
    data: NDArray[Any], design: Design, model: Model, held: int = 0
) -> tuple[Float, Float]:
    """Fit a block: estimates, shape (column, voxel), and deviation, shape (voxel,).

    NaN where data are missing or constant. ``held`` covariates of the voxels' own were subtracted.
    """
    estimates = np.full((model.basis.shape[1], data.shape[1]), np.nan)
    deviation = np.full(data.shape[1], np.nan)
    for part in blocks(data.shape[1], max(64, 2**21 // design.n)):
        values = np.asarray(data[:, part], np.float64) * model.whitening[:, None]
        estimates[:, part] = combine(model.basis.T, values)
        residuals = values - combine(model.basis, estimates[:, part])
        deviation[part] = np.sqrt(total(residuals**2) / (design.dof - held))
    deviation[deviation == 0] = np.nan
    return estimates, deviation


def standardised_residuals(
    data: NDArray[Any],
    design: Design,
    *,
    group_variance: dict[str, float] | None = None,
    rows: Sequence[int] | None = None,
) -> Iterator[Float]:
    """Yield standardised residuals, one row at a time.

    Parameters
    ----------
    data : ndarray, shape (row, voxel)
        Voxels with missing data give NaN.
    design, group_variance
        As in :func:`rt1t2_dask.stats.glm.fit.fit`.
    rows : sequence of int, optional
        Which rows; default all.

    Yields
    ------
    ndarray, shape (voxel,)
        Residuals from which SPM12 estimates smoothness.
    """
    model = noise_model(design, group_variance)
    noise = Noise(model, *estimate(data, design, model))
    for row in range(design.n) if rows is None else rows:
        yield noise.residual(row, data[row])
