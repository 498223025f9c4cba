"""Colocalisation of a group's change with receptor maps: JuSpace's option 5, batched.

Every patient's regions become z-scores against the controls; each patient's z is correlated with
each receptor map given the grey-matter prior; Fisher's z is averaged over patients. The p value
comes from permuting patients and controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.correlation import (
    Kind,
    fisher_z,
    mean_over_patients,
    p_largest,
    p_value,
    partial_correlation,
)
from rt1t2_dask.receptors.intervals import bootstrap_interval, pseudo_values
from rt1t2_dask.receptors.problem import (
    BETWEEN,
    Comparison,
    Problem,
    Relabelings,
    patient_z,
    scores,
    with_controls,
)
from rt1t2_dask.receptors.relabelings import drawn, relabeled
from rt1t2_dask.receptors.zscores import Missing

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Colocalisation:
    """Colocalisation of one patient group with m receptor maps.

    Parameters
    ----------
    rho, fisher_z : ndarray, shape (patient, m)
        Partial correlation of each patient, and its Fisher transform.
    mean_rho, mean_fisher_z : ndarray, shape (m,)
        Means over patients; ``mean_fisher_z`` is the statistic.
    p_permutation : ndarray, shape (m,)
        Two-sided.
    p_fwe : ndarray, shape (m,)
        The same against the largest studentised |statistic| over all maps in each permutation.
    ci_low, ci_high : ndarray, shape (m,)
        95 % interval of ``mean_fisher_z``: studentised bootstrap over patients and controls.
    n_regions : ndarray of int, shape (m,)
        Regions used, the fewest in any patient.
    null : ndarray, shape (permutation, m)
        The statistic under each relabeling.
    """

    rho: Floats
    fisher_z: Floats
    mean_rho: Floats
    mean_fisher_z: Floats
    p_permutation: Floats
    p_fwe: Floats
    ci_low: Floats
    ci_high: Floats
    n_regions: Integers
    null: Floats

    @property
    def n_permutations(self) -> int:
        """Permutations behind the p values."""
        return len(self.null)


def colocalise(
    patients: Floats,
    controls: Floats,
    maps: Floats,
    gm: Floats | None,
    *,
    n_permutations: int = 10_000,
    seed: int = 0,
    missing: Missing = "per_patient",
    kind: Kind = "spearman",
    comparison: Comparison = "z",
    covariates: Floats | None = None,
    relabelings: Relabelings = "all",
) -> Colocalisation:
    """Test the colocalisation of one patient group with receptor maps.

    Parameters
    ----------
    patients, controls, maps, gm, missing, kind, comparison, covariates, relabelings
        As in `Problem`.
    n_permutations : int
        Relabelings of patients and controls; all of them if there are no more; none where the
        comparison uses no controls.
    seed : int
        Batch k draws from ``SeedSequence(seed, spawn_key=(k,))``.

    Returns
    -------
    Colocalisation

    Raises
    ------
    UserError
        Shapes disagree, no patient, or fewer than 3 controls.

    Notes
    -----
    JuSpace 1.5, option 5 (Dukart et al. 2021, Hum Brain Mapp 42:555): group labels are permuted, z
    and rho are recomputed, p = (#{|null| >= |observed|} + 1) / (n + 1). Ours draws uniformly over
    all relabelings; ``relabelings="fixed_number"`` is JuSpace's rule.
    """
    problem = Problem(
        patients, controls, maps, gm, missing, kind, comparison, covariates, relabelings
    )
    batches = null_batches(problem, n_permutations, seed)
    return conclude(problem, batches, n_permutations=n_permutations, seed=seed)


def null_batches(problem: Problem, n_permutations: int, seed: int) -> list[Floats]:
    """Return the null in batches of shape (BATCH, m); `conclude` truncates it."""
    if problem.comparison not in BETWEEN:
        return []
    return [statistic(problem, *sides) for sides in relabeled(problem, n_permutations, seed)]


def null_batch(problem: Problem, k: int, seed: int) -> Floats:
    """Draw batch k of the null, shape (BATCH, m); the same on every worker."""
    return statistic(problem, *drawn(problem, k, seed))


def conclude(
    problem: Problem, batches: Sequence[Floats], *, n_permutations: int, seed: int
) -> Colocalisation:
    """Combine the observed statistic with its null.

    Parameters
    ----------
    problem : Problem
    batches : sequence of ndarray
        Batches 0, 1, ... of `null_batch`, in that order.
    n_permutations : int
        The null is truncated to this length.
    seed : int
        Of the bootstrap.
    """
    z = patient_z(problem)
    rho = partial_correlation(z, problem.maps, problem.gm, problem.kind)
    fisher = fisher_z(rho)
    empty = np.empty((0, len(problem.maps)))
    null = np.concatenate([empty, *batches])[:n_permutations]
    observed = mean_over_patients(fisher)
    low, high = bootstrap_interval(fisher, control_values(problem, z), seed=seed)
    return Colocalisation(
        rho=rho,
        fisher_z=fisher,
        mean_rho=mean_over_patients(rho),
        mean_fisher_z=observed,
        p_permutation=p_value(observed, null),
        p_fwe=p_largest(observed, null),
        ci_low=low,
        ci_high=high,
        n_regions=_regions_used(z, problem),
        null=null,
    )


def control_values(problem: Problem, z: Floats) -> Floats | None:
    """Return each control's contribution to the statistic.

    Parameters
    ----------
    problem : Problem
    z : ndarray, shape (n1, region)
        From `patient_z`; its missing regions stay missing.

    Returns
    -------
    ndarray, shape (unit, m), or None where patients are not compared with controls
    """
    if problem.comparison != "z":
        return None
    return pseudo_values(
        _mean_fisher_z(z, problem),
        len(problem.controls),
        lambda kept: _mean_fisher_z(
            np.where(np.isnan(z), np.nan, patient_z(with_controls(problem, kept))), problem
        ),
    )


def influence(problem: Problem) -> Floats:
    """Compute the influence of each region: the statistic without it, minus the statistic.

    Returns
    -------
    ndarray, shape (region, m)
        Change of mean Fisher z when the region is left out for all patients.
    """
    z = patient_z(problem)
    observed = _mean_fisher_z(z, problem)
    out: Floats = np.empty((z.shape[1], len(problem.maps)))
    for region in range(z.shape[1]):
        rest = z.copy()
        rest[:, region] = np.nan
        out[region] = _mean_fisher_z(rest, problem) - observed
    return out


def statistic(problem: Problem, first: Integers, second: Integers) -> Floats:
    """Compute the mean Fisher z of each relabeling with each map.

    Parameters
    ----------
    problem : Problem
    first, second : ndarray of int, shapes (draw, n1) and (draw, n2)
        Rows of ``problem.people`` relabeled as patients and controls.

    Returns
    -------
    ndarray, shape (draw, m)
    """
    z = scores(problem, first, second)
    draws, n1, n_regions = z.shape
    rho = partial_correlation(z.reshape(-1, n_regions), problem.maps, problem.gm, problem.kind)
    return mean_over_patients(fisher_z(rho).reshape(draws, n1, len(problem.maps)))


def _mean_fisher_z(z: Floats, problem: Problem) -> Floats:
    rho = partial_correlation(z, problem.maps, problem.gm, problem.kind)
    return mean_over_patients(fisher_z(rho))


def _regions_used(z: Floats, problem: Problem) -> Integers:
    known = ~np.isnan(problem.maps)
    if problem.gm is not None:
        known = known & ~np.isnan(problem.gm)
    used = (~np.isnan(z)).astype(np.int64) @ known.astype(np.int64).T
    return np.asarray(used.min(axis=0))
