"""Power of the receptor correlation, by simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.correlation import fisher_z, mean_over_patients, partial_correlation
from rt1t2_dask.receptors.problem import Problem
from rt1t2_dask.receptors.ranks import average_ranks
from rt1t2_dask.receptors.relabelings import drawn

Floats = NDArray[np.float64]

#: Effect sizes: change of a patient, in the controls' SD, per SD of the map.
EFFECTS_SD = (0.1, 0.2, 0.3, 0.5, 0.8)
SIMULATIONS = 100
_RELABELINGS = 4
_KEY = 0x706F77


@dataclass(frozen=True)
class Power:
    """Power of the label permutation test at p < .05, two-sided, per map.

    Parameters
    ----------
    mean_fisher_z, power : ndarray, shape (effect, m)
        Mean statistic of the simulated studies, and the fraction that reach the critical value; NaN
        for maps that cannot be correlated.
    """

    mean_fisher_z: Floats
    power: Floats


def simulate_power(problem: Problem, *, seed: int) -> Power:
    """Simulate studies of the same size with effects along each map.

    Parameters
    ----------
    problem : Problem
        Of patients' z against controls.
    seed : int

    Notes
    -----
    People are Gaussian with the controls' covariance over regions; the change of every patient is
    the map's ranks without those of grey matter. The critical value is the 95 % quantile of
    |statistic| over 4 relabelings of each study, pooled: those that keep most patients together
    contain the effect, so it grows with the effect. Power is a guide, with a standard error of up
    to .05; the covariates' degrees of freedom are not counted.
    """
    people, spread = _studies(problem, seed)
    n1, n = len(problem.patients), people.shape[1]
    own = np.tile(np.arange(n), (SIMULATIONS, 1))
    relabelings = np.concatenate(drawn(problem, 0, seed), axis=1)[: SIMULATIONS * _RELABELINGS]
    orders = [own, *relabelings.reshape(_RELABELINGS, SIMULATIONS, n)]
    shape = len(EFFECTS_SD), len(problem.maps)
    found = Power(np.full(shape, np.nan), np.full(shape, np.nan))
    patterns = _patterns(problem)
    for j in np.flatnonzero(problem.usable).tolist():
        alone = replace(problem, maps=problem.maps[j : j + 1])
        for i, effect in enumerate(EFFECTS_SD):
            shift = effect * patterns[j] * spread
            means, *null = (_means(people, order, n1, shift, alone) for order in orders)
            found.mean_fisher_z[i, j] = means.mean()
            found.power[i, j] = (np.abs(means) >= np.quantile(np.abs(null), 0.95)).mean()
    return found


def _means(
    people: Floats, order: NDArray[np.int64], n1: int, shift: Floats, problem: Problem
) -> Floats:
    """Compute the mean Fisher z of each study with one map under one order, shape (study,)."""
    rows = np.take_along_axis(people, order[:, :, None], axis=1)
    rows = rows + (order < n1)[:, :, None] * shift
    controls = rows[:, n1:]
    spread = controls.std(axis=1, ddof=1, keepdims=True)
    spread[spread == 0] = np.nan
    z = (rows[:, :n1] - controls.mean(axis=1, keepdims=True)) / spread
    rho = partial_correlation(z.reshape(-1, z.shape[-1]), problem.maps, problem.gm, "spearman")
    return mean_over_patients(fisher_z(rho).reshape(*z.shape[:2], 1))[:, 0]


def detectable(mean_fisher_z: Floats, power: Floats, level: float = 0.8) -> Floats:
    """Compute the mean Fisher z at which power reaches a level, shape (m,); NaN if it does not.

    Parameters
    ----------
    mean_fisher_z, power : ndarray, shape (effect, m)
        Of `Power`; interpolated linearly between effects.
    """
    ends = [
        np.interp(level, np.maximum.accumulate(p), z, left=np.nan, right=np.nan)
        for p, z in zip(power.T, mean_fisher_z.T, strict=True)
    ]
    return np.asarray(ends, dtype=np.float64)


def _studies(problem: Problem, seed: int) -> tuple[Floats, Floats]:
    """Return people without an effect, shape (study, person, region), and the controls' SD."""
    residual = np.zeros_like(problem.controls)
    known = ~np.isnan(problem.controls).all(axis=0)
    values = problem.controls[:, known]
    residual[:, known] = np.nan_to_num(values - np.nanmean(values, axis=0))
    n2 = len(problem.controls)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_KEY,)))
    size = (SIMULATIONS, len(problem.people), n2)
    return rng.standard_normal(size) @ residual / np.sqrt(n2 - 1), residual.std(axis=0, ddof=1)


def _patterns(problem: Problem) -> Floats:
    """Return ranks of each map given grey matter, mean 0 and SD 1; 0 where unknown."""
    patterns = np.zeros_like(problem.maps)
    for j in np.flatnonzero(problem.usable):
        values = problem.maps[j]
        keep = ~np.isnan(values)
        given = [np.ones(keep.sum())]
        if problem.gm is not None:
            keep &= ~np.isnan(problem.gm)
            given = [np.ones(keep.sum()), average_ranks(problem.gm[None, keep])[0]]
        design = np.stack(given, axis=1)
        ranks = average_ranks(values[None, keep])[0]
        rest = ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
        patterns[j, keep] = rest / rest.std()
    return patterns
