"""Jackknife (HC3) residuals, whose signs are flipped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.columns import total
from rt1t2_dask.stats.glm.residuals import Residuals
from rt1t2_dask.stats.jit import compiled
from rt1t2_dask.stats.permutation.kernels import F32, F64, WIDTH

Float = NDArray[np.float64]
# A participant whom the model fits alone has no residual.
FITTED_ALONE = 1e-6


def jackknife_residuals(left: Residuals) -> Residuals:
    """Return a block's residuals of the whole model over one minus leverage, of length 1.

    Parameters
    ----------
    left : Residuals
        Given the nuisance columns; each group has its own variance.

    Returns
    -------
    Residuals
        e_i / (1 - h_i), h the diagonal of X (X'X)^-1 X' over those present; where the whole model
        leaves nothing, unchanged residuals.

    Notes
    -----
    HC3 of MacKinnon & White (1985, J Econometrics 29:305). Ordinary residuals vary less the higher
    their leverage, and site terms spread the noise of one group to the other: 11 against 18
    people in three sites, the fewer twice as variable, found something in 7.7 % of 2,000 null
    studies at .05 with residuals given the nuisance columns alone.
    """
    return replace(left, whole=_of_tiles(left), partial=_of_partial(left))


def _of_tiles(left: Residuals) -> F32:
    out = np.empty_like(left.whole)
    scale = _over(1.0 - total(left.columns**2))
    jackknife_tiles(left.whole, np.ascontiguousarray(left.columns[: left.regressors]), scale, out)
    return out


def _of_partial(left: Residuals) -> F32:
    columns, known = left.partial_columns.astype(np.float64), left.partial.astype(np.float64)
    residuals = known.copy()
    for k in range(left.regressors):
        residuals -= (columns[:, k] * known).sum(axis=1, keepdims=True) * columns[:, k]
    leverage = total(np.moveaxis(columns**2, 1, 0))
    scaled = residuals * _over(1.0 - leverage) * left.partial_present
    size = np.sqrt((scaled**2).sum(axis=1, keepdims=True))
    return np.where(size > 0, scaled / np.where(size > 0, size, 1.0), known).astype(np.float32)


def _over(rest: Float) -> Float:
    return np.where(rest > FITTED_ALONE, 1.0 / np.maximum(rest, FITTED_ALONE), 0.0)


@compiled
def jackknife_tiles(whole: F32, regressors: F64, scale: F64, out: F32) -> None:
    """Regress regressors out of tiles, scale each participant's row, and normalise columns.

    Parameters
    ----------
    whole, out : ndarray, shape (tile, participant, WIDTH)
        Unit residuals given the nuisance columns; filled.
    regressors : ndarray, shape (q, participant)
        Orthonormal, and to the nuisance columns.
    scale : ndarray, shape (participant,)
    """
    size = np.empty(WIDTH)
    for tile in range(whole.shape[0]):
        rows = whole[tile].astype(np.float64)
        for k in range(regressors.shape[0]):
            size[:] = 0.0
            for i in range(rows.shape[0]):
                size += regressors[k, i] * whole[tile, i]
            for i in range(rows.shape[0]):
                rows[i] -= regressors[k, i] * size
        size[:] = 0.0
        for i in range(rows.shape[0]):
            rows[i] *= scale[i]
            size += rows[i] * rows[i]
        for j in range(WIDTH):
            for i in range(rows.shape[0]):
                out[tile, i, j] = (
                    rows[i, j] / np.sqrt(size[j]) if size[j] > 0 else whole[tile, i, j]
                )
