"""Test-retest reliability: intraclass correlation, within-person SD, repeatability, change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Float = NDArray[np.float64]
LEVEL = 0.95
ROUNDING = 1e-14
"""Squares under this share of all are those of rounding: sessions are copies of each other."""
LEAST_PEOPLE = 3
"""Fewest people of an intraclass correlation: with two, F has one degree of freedom."""
DIFFERENCE = 1.96 * np.sqrt(2.0)
"""Repeatability coefficient over within-person SD (Bland & Altman 1999)."""


@dataclass(frozen=True)
class Reliability:
    """Agreement of the sessions of the same people; arrays over places, NaN where not known.

    Parameters
    ----------
    n : ndarray
        People measured in every session.
    icc, icc_low, icc_high : ndarray
        ICC(3,1), at most 1, and its 95 % confidence interval. Negative where people differ less
        than their sessions do.
    within_sd : ndarray
        Standard deviation of the sessions of one person, in the unit of the data, at least 0.
    repeatability : ndarray
        What two sessions of a person differ by at most in 95 % of people, same unit.
    mean : ndarray
        Of all people and sessions.
    change : ndarray
        Mean of the last session minus that of the first.
    change_p : ndarray
        Two-sided p of no difference between sessions: F, with two sessions paired t.
    """

    n: Float
    icc: Float
    icc_low: Float
    icc_high: Float
    within_sd: Float
    repeatability: Float
    mean: Float
    change: Float
    change_p: Float


def reliability(data: ArrayLike, level: float = LEVEL) -> Reliability:
    """Compute the reliability of repeated measurements.

    Parameters
    ----------
    data : array_like, shape (person, session, ...)
        Same unit in all sessions; NaN where not measured. People are left out where one of their
        sessions is missing.
    level : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    Reliability
        NaN with fewer than `LEAST_PEOPLE` complete people, or where nothing varies.

    Raises
    ------
    ValueError
        Fewer than two sessions.

    Notes
    -----
    Two-way analysis of variance of people and sessions. ICC(3,1) = (MSP - MSE) / (MSP + (k - 1)
    MSE) of k sessions, which a change common to all people does not lower (Shrout & Fleiss 1979;
    ICC(C,1) of McGraw & Wong 1996, interval of their Table 7). The within-person SD is that of a
    one-way analysis (Bland & Altman 1996), which such a change raises; the repeatability
    coefficient is 1.96 sqrt(2) of it (Bland & Altman 1999).
    """
    values = np.asarray(data, np.float64)
    k = values.shape[1]
    if k < 2:
        raise ValueError(f"reliability needs two sessions or more, got {k}")
    whole = np.asarray(np.isfinite(values).all(axis=1))
    n = np.asarray(whole.sum(axis=0), np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = _squares(values, whole[:, None], n)
        dof = np.where(n < LEAST_PEOPLE, np.nan, n - 1)
        error = sums.error / (dof * (k - 1))
        icc, low, high = _icc(sums.people / dof, error, dof, k, level)
        within = np.sqrt((sums.sessions + sums.error) / ((dof + 1) * (k - 1)))
        f = sums.sessions / (k - 1) / error
    known = np.where(np.isfinite(dof), 1.0, np.nan)
    return Reliability(
        n=n,
        icc=icc,
        icc_low=low,
        icc_high=high,
        within_sd=within,
        repeatability=DIFFERENCE * within,
        mean=sums.mean * known,
        change=sums.change * known,
        change_p=np.asarray(stats.f.sf(f, k - 1, dof * (k - 1))),
    )


@dataclass(frozen=True)
class _Squares:
    """Sums of squares of people, sessions and the residual; the mean, and last minus first."""

    people: Float
    sessions: Float
    error: Float
    mean: Float
    change: Float


def _squares(values: Float, whole: NDArray[np.bool_], n: Float) -> _Squares:
    k = values.shape[1]
    mean = np.where(whole, values, 0.0).sum(axis=(0, 1)) / (n * k)
    centred = np.where(whole, values - mean, 0.0)
    person, session = centred.mean(axis=1), centred.sum(axis=0) / n
    rest = np.where(whole, centred - person[:, None] - session[None], 0.0)
    total = (centred**2).sum(axis=(0, 1))
    people, sessions, error = (
        np.where(own > ROUNDING * (total + n * k * mean**2), own, 0.0)
        for own in (
            k * (person**2).sum(axis=0),
            n * (session**2).sum(axis=0),
            (rest**2).sum(axis=(0, 1)),
        )
    )
    return _Squares(
        people=people,
        sessions=sessions,
        error=error,
        mean=mean,
        change=session[-1] - session[0],
    )


def _icc(
    people: Float, error: Float, dof: Float, k: int, level: float
) -> tuple[Float, Float, Float]:
    """Return ICC(3,1) and its interval from the mean squares of people and of the residual."""
    icc = (people - error) / (people + (k - 1) * error)
    tail, other, ratio = (1 - level) / 2, dof * (k - 1), people / error
    low = ratio / stats.f.isf(tail, dof, other)
    high = ratio * stats.f.isf(tail, other, dof)
    return icc, np.asarray((low - 1) / (low + k - 1)), np.asarray((high - 1) / (high + k - 1))
