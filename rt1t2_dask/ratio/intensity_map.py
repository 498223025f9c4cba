"""Monotone intensity maps from scanner units to those of a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_SMALLEST = 1e-3  # of the upper knot: mapped intensities stay above it


@dataclass(frozen=True)
class IntensityMap:
    """A piecewise-linear monotone map, extrapolated with its outer slopes.

    Parameters
    ----------
    knots_x : ndarray, shape (k,)
        Subject's intensities, strictly increasing, k >= 2.
    knots_y : ndarray, shape (k,)
        Reference's intensities, strictly increasing.
    """

    knots_x: Values
    knots_y: Values


def apply(intensity_map: IntensityMap, image: NDArray[Any]) -> NDArray[np.float32]:
    """Map an image into reference units.

    Parameters
    ----------
    intensity_map : IntensityMap
    image : ndarray
        Scanner units, any shape; NaN stays NaN.

    Returns
    -------
    ndarray of float32
        > 0 everywhere.
    """
    x, y = intensity_map.knots_x, intensity_map.knots_y
    values = np.asarray(image, dtype=np.float64)
    inner = np.interp(values, x, y)
    below = _slope(x[:2], y[:2]) * np.minimum(values - x[0], 0)
    above = _slope(x[-2:], y[-2:]) * np.maximum(values - x[-1], 0)
    floor = _SMALLEST * float(abs(y[-1]))
    return np.asarray(np.maximum(inner + below + above, floor), dtype=np.float32)


def _slope(x: Values, y: Values) -> float:
    return float((y[1] - y[0]) / (x[1] - x[0]))
