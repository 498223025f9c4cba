"""Data moved by a bound, so that a test of no effect is one of an effect of that size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.design import Design

Float = NDArray[np.float64]


def regressor_of(design: Design) -> Float:
    """Return the column whose coefficient is the contrast, shape (row,).

    Notes
    -----
    X(X'X)^-1 c / (c'(X'X)^-1 c) (Winkler et al. 2014, NeuroImage 92:381, appendix A).
    """
    contrast = design.contrast[:, 0]
    direction = np.linalg.solve(design.matrix.T @ design.matrix, contrast)
    return np.asarray(design.matrix @ direction / (contrast @ direction), np.float64)


def shifted(data: NDArray[Any], design: Design, bound: NDArray[Any]) -> NDArray[np.float32]:
    """Return data whose effect is the contrast's less ``bound`` at every voxel.

    Parameters
    ----------
    data : ndarray, shape (row, voxel)
    design : Design
        With one set of weights.
    bound : ndarray, shape (voxel,)
        In the unit of the data; NaN where there is none, which leaves no data.
    """
    moved = np.asarray(data, np.float64) - regressor_of(design)[:, None] * bound
    return np.asarray(moved, np.float32)
