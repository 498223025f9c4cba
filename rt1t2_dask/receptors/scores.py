"""Correlation of patients' colocalisation with a score, such as pain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rt1t2_dask.receptors.relabelings import shuffled
from rt1t2_dask.stats.permutation.null import p_fwe

Float = NDArray[np.float64]
LEAST_PEOPLE = 5
DRAW = 256


@dataclass(frozen=True)
class ScoreCorrelation:
    """Spearman correlation of a score with the colocalisation of each map.

    Parameters
    ----------
    n : int
        Patients with a score.
    rho, p, p_fwe : ndarray, shape (map,)
        Correlation; two-sided permutation p of each map, and of the largest |rho| of all maps.
    """

    n: int
    rho: Float
    p: Float
    p_fwe: Float


def score_correlation(
    fisher_z: NDArray[np.floating], score: NDArray[np.floating], n_permutations: int, seed: int = 0
) -> ScoreCorrelation:
    """Correlate each patient's Fisher z with a score over patients.

    Parameters
    ----------
    fisher_z : ndarray, shape (patient, map)
        NaN where a patient has none.
    score : ndarray, shape (patient,)
        NaN where not known; those patients are left out.
    n_permutations : int
        Exchanges of the score between patients; 0 gives NaN for p.
    seed : int

    Returns
    -------
    ScoreCorrelation
        NaN for fewer than 5 patients, and where a map or the score does not vary.

    Notes
    -----
    p = (#{|rho permuted| >= |rho|} + 1) / (n + 1); ties in ranks are averaged. Draws of 256 come
    from ``SeedSequence(seed, spawn_key=(k,))``, so that more of them keep those there are.
    """
    # A map that nobody has takes nobody out of the others.
    there = np.isfinite(fisher_z).any(axis=0)
    known = np.isfinite(score) & np.isfinite(fisher_z[:, there]).all(axis=1)
    n, maps = int(known.sum()), fisher_z.shape[1]
    nothing = np.full(maps, np.nan)
    if n < LEAST_PEOPLE:
        return ScoreCorrelation(n, nothing, nothing, nothing)
    values, ranks = _unit(fisher_z[known]), _unit(np.asarray(score)[known][:, None])[:, 0]
    rho = ranks @ values
    if not n_permutations:
        return ScoreCorrelation(n, rho, nothing, nothing)
    null = np.abs(shuffled(ranks, n_permutations, seed, DRAW) @ values)
    each = np.array([float(p_fwe(abs(r), null[:, k])) for k, r in enumerate(rho)])
    largest = np.nanmax(null, axis=1) if np.isfinite(rho).any() else null[:, 0]
    corrected = p_fwe(np.abs(rho), largest)
    untested = np.isnan(rho)
    each, corrected = (np.where(untested, np.nan, own) for own in (each, corrected))
    return ScoreCorrelation(n, rho, each, corrected)


def _unit(values: NDArray[np.floating]) -> Float:
    """Return centred ranks of each column at length 1; NaN where a column does not vary."""
    ranks = stats.rankdata(values, axis=0)
    centred = ranks - ranks.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    return np.asarray(centred / np.where(size > 0, size, np.nan))
