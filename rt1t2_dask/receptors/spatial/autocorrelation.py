"""Spatial autocorrelation of each person's regional deviations, compared between groups."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, islice
from math import comb

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.relabelings import shuffled

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LEAST_PEOPLE = 3
_BATCH = 1000
_ROUNDING = 1e-10


@dataclass(frozen=True)
class Autocorrelation:
    """Moran's I of everybody, and its difference between two groups.

    Parameters
    ----------
    moran : ndarray, shape (person,)
    difference : float
        Mean of the patients less that of the others.
    p : float
        Two-sided, by relabeling; NaN with fewer than 3 in a group or without relabelings.
    """

    moran: Floats
    difference: float
    p: float


def inverse_distances(distance: Floats) -> Floats:
    """Return weights of one over the distance, 0 of a region with itself, shape (region, region).

    Parameters
    ----------
    distance : ndarray, shape (region, region)
        In mm; regions at one place are taken as 1 mm apart.
    """
    weights: Floats = 1.0 / np.maximum(distance, 1.0)
    np.fill_diagonal(weights, 0.0)
    return weights


def morans_i(rows: Floats, weights: Floats) -> Floats:
    """Compute Moran's I of each row; regions without a value are left out of it.

    Parameters
    ----------
    rows : ndarray, shape (n, region)
    weights : ndarray, shape (region, region)
        Not negative, 0 on the diagonal.

    Returns
    -------
    ndarray, shape (n,)
        Near -1 / (region - 1) without autocorrelation; NaN of a constant row, or of one with fewer
        than 3 regions.

    Notes
    -----
    I = (N / sum of w) (sum of w_ij d_i d_j) / (sum of d_i^2), d the deviation from the row's mean
    (Moran 1950, Biometrika 37:17).
    """
    known = ~np.isnan(rows)
    n = known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, rows, 0.0).sum(axis=1) / n
        left = np.where(known, rows - mean[:, None], 0.0)
        held = known.astype(np.float64)
        total = ((held @ weights) * held).sum(axis=1)
        products = ((left @ weights) * left).sum(axis=1)
        found = n / total * products / (left**2).sum(axis=1)
    return np.where((n < LEAST_PEOPLE) | ~np.isfinite(found), np.nan, found)


def deviations(people: Floats) -> Floats:
    """Return each person's z against all others, shape (person, region).

    Patients and controls are treated alike, so that who is a patient can be permuted.
    """
    known = ~np.isnan(people)
    values = np.where(known, people, 0.0)
    n = known.sum(axis=0) - known
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (values.sum(axis=0) - values) / n
        squares = (values**2).sum(axis=0) - values**2 - n * mean**2
        sd = np.sqrt(np.maximum(squares, 0.0) / (n - 1))
        found = np.where(known, (people - mean) / sd, np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def compare_autocorrelation(
    people: Floats, patient: Bools, weights: Floats, n_permutations: int, seed: int
) -> Autocorrelation:
    """Compare Moran's I of people's deviations between patients and others.

    Parameters
    ----------
    people : ndarray, shape (person, region)
        Regional values; NaN where not measured.
    patient : ndarray of bool, shape (person,)
    weights : ndarray, shape (region, region)
    n_permutations : int
        All relabelings if there are no more.
    seed : int

    Notes
    -----
    p = (b + 1) / (n + 1) over the difference of means, two-sided (Phipson & Smyth 2010).
    """
    moran = morans_i(deviations(people - _mean(people)), weights)
    known = ~np.isnan(moran)
    values, first = moran[known], patient[known]
    n1, n2 = int(first.sum()), int((~first).sum())
    if min(n1, n2) < LEAST_PEOPLE:
        return Autocorrelation(moran, np.nan, np.nan)
    observed = float(values[first].mean() - values[~first].mean())
    if not n_permutations:
        return Autocorrelation(moran, observed, np.nan)
    null = _differences(values, n1, n_permutations, seed)
    reached = int((np.abs(null) >= abs(observed) * (1 - _ROUNDING)).sum())
    return Autocorrelation(moran, observed, (reached + 1) / (len(null) + 1))


def _mean(people: Floats) -> Floats:
    """Return the mean of whoever has a value; 0 where nobody has."""
    known = ~np.isnan(people)
    return np.asarray(np.where(known, people, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def _differences(values: Floats, n1: int, n: int, seed: int) -> Floats:
    """Return the difference of means under relabelings; without the identity if enumerated."""
    count = len(values)
    if comb(count, n1) - 1 <= n:
        chosen = np.array(list(islice(combinations(np.arange(count), n1), 1, None)))
        sums = values[chosen].sum(axis=1)
    else:
        sums = shuffled(values, n, seed, _BATCH)[:, :n1].sum(axis=1)
    return np.asarray(sums / n1 - (values.sum() - sums) / (count - n1))
