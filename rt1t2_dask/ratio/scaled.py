"""The ratio as group stages read it: times the person's gain, and its logarithm on request."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def scaled(values: NDArray[Any], factor: float = 1.0, scale: str = "ratio") -> NDArray[Any]:
    """Bring a ratio to the scale that a study is tested on.

    Parameters
    ----------
    values : ndarray
        Ratio, NaN where not measured; any shape, float.
    factor : float
        What the person's gain asks for; 1 returns the very values.
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
    """Bring values of a scale back to the ratio."""
    return np.exp(values) if scale == "log" else values
