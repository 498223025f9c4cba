"""z-scores of patients relative to controls, for many relabelings at once."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.jit import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Missing = Literal["per_patient", "listwise"]

_MIN_CONTROLS = 3


def z_scores(values: Floats, first: Integers, second: Integers, missing: Missing) -> Floats:
    """Standardise the first group's rows by the second group's, region by region.

    Parameters
    ----------
    values : ndarray, shape (person, region)
        Regional means; NaN where not measured.
    first, second : ndarray of int, shapes (draw, n1) and (draw, n2)
        Rows of ``values`` in each group, for each relabeling.
    missing : {"per_patient", "listwise"}
        ``per_patient``: a control's NaN is left out of that region's mean and SD; NaN where fewer
        than 3 controls remain or their SD is 0. ``listwise``: any NaN in a control makes the region
        NaN and an SD of 0 gives an infinite score, as in JuSpace.

    Returns
    -------
    ndarray, shape (draw, n1, region)

    Notes
    -----
    z = (x - mean of controls) / SD of controls, ddof 1 (JuSpace 1.5, option 5).
    """
    out = np.empty((len(first), first.shape[1], values.shape[1]))
    _standardise(np.ascontiguousarray(values), first, second, missing == "listwise", out)
    return out


def effect_sizes(values: Floats, first: Integers, second: Integers) -> Floats:
    """Compute the standardised difference of two groups' means, for each relabeling.

    Parameters
    ----------
    values, first, second
        As in `z_scores`; a region missing in anyone is NaN.

    Returns
    -------
    ndarray, shape (draw, 1, region)

    Notes
    -----
    (m1 - m2) / sqrt((s1^2 + s2^2) / 2), ddof 1 (JuSpace 1.5, option 1).
    """
    out = np.empty((len(first), 1, values.shape[1]))
    _difference(np.ascontiguousarray(values), first, second, out)
    return out


@compiled
def _difference(values: Floats, first: Integers, second: Integers, out: Floats) -> None:
    n_regions = values.shape[1]
    mean1, spread1 = np.empty(n_regions), np.empty(n_regions)
    mean2, spread2 = np.empty(n_regions), np.empty(n_regions)
    for draw in range(first.shape[0]):
        _moments(values, first[draw], True, mean1, spread1)
        _moments(values, second[draw], True, mean2, spread2)
        for r in range(n_regions):
            pooled = np.sqrt((spread1[r] ** 2 + spread2[r] ** 2) / 2)
            out[draw, 0, r] = (mean1[r] - mean2[r]) / pooled


@compiled
def _standardise(
    values: Floats, first: Integers, second: Integers, listwise: bool, out: Floats
) -> None:
    n_regions = values.shape[1]
    mean, spread = np.empty(n_regions), np.empty(n_regions)
    for draw in range(first.shape[0]):
        _moments(values, second[draw], listwise, mean, spread)
        for i in range(first.shape[1]):
            row = values[first[draw, i]]
            for r in range(n_regions):
                out[draw, i, r] = (row[r] - mean[r]) / spread[r]


@compiled
def _moments(values: Floats, rows: Integers, listwise: bool, mean: Floats, spread: Floats) -> None:
    """Compute mean and SD in two passes; the SD is NaN where unreliable."""
    for r in range(values.shape[1]):
        total, n = 0.0, 0
        for i in rows:
            if listwise or not np.isnan(values[i, r]):
                total += values[i, r]
                n += 1
        mean[r] = total / n
        squares = 0.0
        for i in rows:
            if listwise or not np.isnan(values[i, r]):
                squares += (values[i, r] - mean[r]) ** 2
        spread[r] = np.sqrt(squares / (n - 1))
        if not listwise and (n < _MIN_CONTROLS or spread[r] <= 1e-12 * abs(mean[r])):
            spread[r] = np.nan
