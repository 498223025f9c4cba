"""Take curvature, and what else is asked, out of a map of the cortex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError

Float = NDArray[np.float64]


def regressed(values: Float, covariates: Float, weights: Float | None = None) -> Float:
    """Return a map with covariates regressed out over its vertices, its mean kept.

    Parameters
    ----------
    values : ndarray, shape (vertex,)
        Both hemispheres, one after the other: one slope serves both. NaN where missing.
    covariates : ndarray, shape (covariate, vertex)
        Mean curvature, and thickness where asked for.
    weights : ndarray, shape (vertex,), optional
        Vertex areas in mm^2; every vertex counts alike without.

    Returns
    -------
    ndarray, shape (vertex,)
        NaN where the map or a covariate is.

    Raises
    ------
    SubjectError
        Fewer vertices are known than there are terms.

    Notes
    -----
    Glasser & Van Essen 2011, J Neurosci 31:11597-11616; thickness beside it as in Shams, Norris &
    Marques 2019, PLoS ONE 14:e0218089. Slopes are those of (weighted) least squares.
    """
    values, rows = np.asarray(values, np.float64), np.atleast_2d(covariates).astype(np.float64)
    known = np.isfinite(values) & np.isfinite(rows).all(axis=0)
    if np.count_nonzero(known) <= len(rows) + 1:
        raise SubjectError(
            f"Only {np.count_nonzero(known)} vertices are known: too few to regress "
            f"{len(rows)} covariates out of the map.",
        )
    w = np.ones(np.count_nonzero(known)) if weights is None else np.asarray(weights)[known]
    design = rows[:, known] - np.average(rows[:, known], axis=1, weights=w)[:, None]
    y = values[known] - np.average(values[known], weights=w)
    root = np.sqrt(w)
    slopes = np.linalg.lstsq((design * root).T, y * root, rcond=None)[0]
    found = np.full(values.shape, np.nan)
    found[known] = values[known] - slopes @ design
    return found
