"""Regress nuisance columns out of voxels, tile by tile, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled, inlined
from rt1t2_dask.stats.permutation.kernels import F32, F64, WIDTH


@compiled
def _gather(data: F32, index: NDArray[np.intp], start: int, values: F64) -> int:
    """Copy up to WIDTH indexed voxels; return their number."""
    width: int = min(WIDTH, index.shape[0] - start)
    for i in range(values.shape[0]):
        for j in range(width):
            values[i, j] = data[i, index[start + j]]
    return width


@inlined
def _squares(rows: F64, total: F64) -> None:
    """Sum of squares of each column."""
    total[:] = 0.0
    for i in range(rows.shape[0]):
        for j in range(WIDTH):
            total[j] += rows[i, j] * rows[i, j]


@inlined
def _combined(weights: F64, rows: F64, out: F64) -> None:
    """Compute weighted sums of rows: (k, row) and (row, WIDTH) to (k, WIDTH)."""
    for k in range(weights.shape[0]):
        for j in range(WIDTH):
            out[k, j] = 0.0
        for i in range(rows.shape[0]):
            for j in range(WIDTH):
                out[k, j] += weights[k, i] * rows[i, j]


@inlined
def _scaled(rows: F64, whole: F64, width: int, tile: F32, share: F64) -> None:
    """Write columns scaled to length 1, and their fraction of the sum of squares ``whole``."""
    left = np.empty(WIDTH)
    _squares(rows, left)
    for j in range(width):
        share[j] = left[j] / max(whole[j], 1e-300)
        left[j] = 1.0 / np.sqrt(max(left[j], 1e-300))
    for i in range(rows.shape[0]):
        for j in range(width):
            tile[i, j] = np.float32(rows[i, j] * left[j])


@compiled
def project(data: F32, index: NDArray[np.intp], basis: F64, out: F32, share: F64) -> None:
    """Project voxels onto the complement of the nuisance, scaled to length 1.

    Parameters
    ----------
    data : ndarray, shape (participant, voxel)
        Any float; finite where indexed.
    index : ndarray of int, shape (used,)
        Voxels to take.
    basis : ndarray, shape (term, participant)
        Orthonormal.
    out : ndarray, shape (tile, term, WIDTH)
        Filled; the last tile's padding is left as it is.
    share : ndarray, shape (used,)
        Filled with the residual fraction of the sum of squares.
    """
    values, sums = np.zeros((basis.shape[1], WIDTH)), np.empty((basis.shape[0], WIDTH))
    whole = np.empty(WIDTH)
    for start in range(0, index.shape[0], WIDTH):
        width = _gather(data, index, start, values)
        _squares(values, whole)
        _combined(basis, values, sums)
        _scaled(sums, whole, width, out[start // WIDTH], share[start:])


@compiled
def take_out(data: F32, index: NDArray[np.intp], nuisance: F64, out: F32, share: F64) -> None:
    """Compute unit residuals given orthonormal nuisance rows; see :func:`project`."""
    values, slope = np.zeros((nuisance.shape[1], WIDTH)), np.empty((nuisance.shape[0], WIDTH))
    whole = np.empty(WIDTH)
    for start in range(0, index.shape[0], WIDTH):
        width = _gather(data, index, start, values)
        _squares(values, whole)
        _combined(nuisance, values, slope)
        for i in range(values.shape[0]):
            for k in range(slope.shape[0]):
                for j in range(WIDTH):
                    values[i, j] -= nuisance[k, i] * slope[k, j]
        _scaled(values, whole, width, out[start // WIDTH], share[start:])
