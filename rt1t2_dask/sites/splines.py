"""Smooth terms of a covariate, such as age, as columns of a linear model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from rt1t2_dask.errors import UserError

Float = NDArray[np.float64]
DEGREE = 3


def spline_columns(values: Float, df: int = 5) -> Float:
    """Compute cubic B-splines of a covariate with knots at its quantiles.

    Parameters
    ----------
    values : ndarray, shape (person,)
    df : int
        Functions of the basis, 4 to 10; one is left out, as the model has a mean.

    Returns
    -------
    ndarray, shape (person, df - 1)

    Raises
    ------
    UserError
        Too few distinct values.

    Notes
    -----
    The basis of statsmodels' ``BSplines(df, degree=3)``, which neuroHarmonize uses with df=10
    and a penalty chosen by random k-fold validation at each voxel. Ours is small and fitted by
    least squares: the same at every run, and estimable from sums.
    """
    if len(np.unique(values)) < df:
        raise UserError(
            f"smooth term: {len(np.unique(values))} distinct values for {df} splines; leave it "
            f"out of site.smooth."
        )
    inner = np.quantile(values, np.linspace(0, 1, df - DEGREE + 1)[1:-1])
    ends = np.repeat([values.min(), values.max()], DEGREE + 1)
    knots = np.sort(np.concatenate([ends, inner]))
    basis = BSpline.design_matrix(values, knots, DEGREE).toarray()
    return np.asarray(basis[:, 1:])
