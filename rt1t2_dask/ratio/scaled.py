"""Scale the ratio for group statistics: gain correction and optional logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def scaled(values: NDArray[Any], factor: float = 1.0, scale: str = "ratio") -> NDArray[Any]:
    """Transform a ratio to the scale of the statistics.

    Parameters
    ----------
    values : ndarray
        Ratio, NaN where not measured; any shape, float.
    factor : float
        Gain correction; 1 returns the values unchanged.
    scale : {"ratio", "log"}
        Natural logarithm for ``log``; NaN where the ratio is not above 0.

    Returns
    -------
    ndarray
        Of the dtype of `values`.
    """
    if factor != 1.0:
        values = values * values.dtype.type(factor)
    if scale != "log":
        return values
    positive = values > 0
    return np.asarray(np.log(values, where=positive, out=np.full_like(values, np.nan)))


def unscaled(values: NDArray[Any], scale: str = "ratio") -> NDArray[Any]:
    """Transform values back to the ratio."""
    return np.exp(values) if scale == "log" else values
