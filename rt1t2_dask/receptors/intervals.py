"""Bootstrap intervals over patients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RESAMPLES = 5_000
_MIN_PATIENTS = 5
_KEY = 0x626F6F74


def bootstrap_interval(values: Floats, *, seed: int, level: float = 0.95) -> tuple[Floats, Floats]:
    """Studentised bootstrap interval of the mean over patients.

    Parameters
    ----------
    values : ndarray, shape (patient, m)
        NaN leaves a patient out of that column alone.
    seed : int
    level : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray, shape (m,)
        NaN with fewer than 5 patients, or without variance.

    Notes
    -----
    mean - t* SE with t* from 5,000 resamples of patients (Efron & Tibshirani 1993, section 12.5):
    at n = 10 to 20 the percentile bootstrap is too narrow.
    """
    ends = [_interval(column[~np.isnan(column)], seed, level) for column in values.T]
    low, high = np.array(ends, dtype=np.float64).reshape(-1, 2).T
    return low, high


def _interval(sample: Floats, seed: int, level: float) -> tuple[float, float]:
    n = len(sample)
    if n < _MIN_PATIENTS or np.ptp(sample) == 0 or not np.isfinite(sample).all():
        return np.nan, np.nan
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_KEY,)))
    drawn = sample[rng.integers(n, size=(_RESAMPLES, n))]
    spread = drawn.std(axis=1, ddof=1)
    varied = spread > 0
    mean = sample.mean()
    t = (drawn.mean(axis=1)[varied] - mean) / (spread[varied] / np.sqrt(n))
    upper, lower = np.quantile(t, [(1 + level) / 2, (1 - level) / 2])
    error = sample.std(ddof=1) / np.sqrt(n)
    return float(mean - upper * error), float(mean - lower * error)
