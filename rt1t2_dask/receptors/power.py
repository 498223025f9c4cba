"""How strong a change must follow a map to be found with so many people, by simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.correlation import fisher_z, mean_over_patients, partial_correlation
from rt1t2_dask.receptors.problem import Problem
from rt1t2_dask.receptors.ranks import average_ranks

Floats = NDArray[np.float64]

#: Change of a patient, in the controls' SD, where the map is one SD above its mean.
EFFECTS_SD = (0.1, 0.2, 0.3, 0.5, 0.8)
SIMULATIONS = 100
_KEY = 0x706F77


@dataclass(frozen=True)
class Power:
    """Power of the label permutation test at p < .05, two-sided, each map for itself.

    Parameters
    ----------
    mean_fisher_z, power : ndarray, shape (effect, m)
        Mean statistic of the simulated studies, and the share that reach the critical value.
    """

    mean_fisher_z: Floats
    power: Floats


def simulate_power(problem: Problem, null: Floats, *, seed: int) -> Power:
    """Simulate studies of the same size with changes along each map.

    Parameters
    ----------
    problem : Problem
        Of patients' z against controls.
    null : ndarray, shape (permutation, m)
        The statistic under exchanges; its 95 % quantile of |null| is the critical value.
    seed : int

    Notes
    -----
    People are Gaussian with the controls' covariance over regions; the change of every patient is
    the map's ranks without those of grey matter. The observed null stands for that of each
    simulated study, so power is a guide, with a standard error of up to .05.
    """
    noise, per_unit = _studies(problem, seed)
    shape = len(EFFECTS_SD), len(problem.maps)
    found = Power(np.full(shape, np.nan), np.full(shape, np.nan))
    critical = np.quantile(np.abs(null), 0.95, axis=0)
    for j, pattern in enumerate(_patterns(problem)):
        for i, effect in enumerate(EFFECTS_SD):
            rows = (noise + effect * pattern * per_unit).reshape(-1, noise.shape[-1])
            rho = partial_correlation(rows, problem.maps[j : j + 1], problem.gm, "spearman")
            means = mean_over_patients(fisher_z(rho).reshape(*noise.shape[:2], 1))[:, 0]
            found.mean_fisher_z[i, j] = means.mean()
            found.power[i, j] = (np.abs(means) >= critical[j]).mean()
    return found


def detectable(mean_fisher_z: Floats, power: Floats, level: float = 0.8) -> Floats:
    """Mean Fisher z at which power reaches a level, shape (m,); NaN where it does not.

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
    """Give patients' z without a change, and what a change of one control SD adds to it."""
    residual = np.nan_to_num(problem.controls - np.nanmean(problem.controls, axis=0))
    n1, n2 = len(problem.patients), len(problem.controls)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_KEY,)))
    people = rng.standard_normal((SIMULATIONS, n1 + n2, n2)) @ residual / np.sqrt(n2 - 1)
    controls = people[:, n1:]
    spread = controls.std(axis=1, ddof=1, keepdims=True)
    spread[spread == 0] = np.nan
    z = (people[:, :n1] - controls.mean(axis=1, keepdims=True)) / spread
    return z, residual.std(axis=0, ddof=1) / spread


def _patterns(problem: Problem) -> Floats:
    """Ranks of each map without those of grey matter, mean 0 and SD 1; 0 where not known."""
    patterns = np.zeros_like(problem.maps)
    for j, values in enumerate(problem.maps):
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
