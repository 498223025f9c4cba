"""The scale of a map: whether a difference on it can be read as percent, and how."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Scale(StrEnum):
    """What a difference between two maps means.

    ``ratio``: the values have a natural zero, and a difference is a fraction of a mean. ``log``:
    natural logarithms of such values; a difference is the logarithm of a quotient. ``signed``:
    values have both signs (the standardised ratio, z-scores, demeaned maps), so that differences
    are not percentages.
    """

    RATIO = "ratio"
    LOG = "log"
    SIGNED = "signed"

    def percent(self, effect: ArrayLike, baseline: ArrayLike) -> NDArray[np.float64]:
        """Compute an effect in percent.

        Parameters
        ----------
        effect : array_like
            Difference, in the unit of the maps.
        baseline : array_like
            Mean it is relative to; unused on the ``log`` scale.

        Returns
        -------
        ndarray, shape of both broadcast
            ``ratio``: 100 effect / baseline, NaN where the baseline is not above 0. ``log``:
            100 (exp(effect) - 1). ``signed``: NaN.
        """
        effect, baseline = np.broadcast_arrays(
            np.asarray(effect, np.float64), np.asarray(baseline, np.float64)
        )
        if self is Scale.LOG:
            return np.asarray(100 * np.expm1(effect))
        known = (baseline > 0) & (self is Scale.RATIO)
        share = np.full(effect.shape, np.nan)
        np.divide(100 * effect, baseline, where=known, out=share)
        return share

    @property
    def has_percent(self) -> bool:
        """Whether effects can be expressed in percent."""
        return self is not Scale.SIGNED
