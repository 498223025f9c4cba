"""Does a group's change follow a receptor's distribution? JuSpace's option 5, batched.

Every patient's regions become z-scores against the controls; each patient's z is correlated with
each receptor map given the grey-matter prior; Fisher's z is averaged over patients. The p value
comes from exchanging patients and controls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.correlation import Kind, fisher_z, partial_correlation
from rt1t2_dask.receptors.intervals import bootstrap_interval
from rt1t2_dask.receptors.zscores import Missing, z_scores

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Permutations a batch; part of the definition of every draw, so never a setting.
BATCH = 500
_MIN_CONTROLS = 3


@dataclass(frozen=True)
class Colocalisation:
    """One group of patients compared with m receptor maps.

    Parameters
    ----------
    rho, fisher_z : ndarray, shape (patient, m)
        Partial correlation of each patient, and its Fisher transform.
    mean_rho, mean_fisher_z : ndarray, shape (m,)
        Means over patients; ``mean_fisher_z`` is the statistic.
    p_permutation : ndarray, shape (m,)
        Two-sided.
    p_fwe : ndarray, shape (m,)
        The same against the largest |statistic| over all maps in each permutation.
    ci_low, ci_high : ndarray, shape (m,)
        95 % interval of ``mean_fisher_z``: studentised bootstrap over patients, controls fixed.
    n_regions : ndarray of int, shape (m,)
        Regions used, the fewest in any patient.
    null : ndarray, shape (permutation, m)
        The statistic under each exchange.
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


@dataclass(frozen=True)
class Problem:
    """The data and the rules; picklable, so that null batches can run anywhere.

    Parameters
    ----------
    patients, controls : ndarray, shapes (n1, region) and (n2, region)
        Regional means of each person's map; NaN where not measured.
    maps : ndarray, shape (m, region)
        Regional means of the receptor maps.
    gm : ndarray, shape (region,), optional
        Grey-matter prior held constant; None for none.
    missing : {"per_patient", "listwise"}
        Leave a missing region out for the patient who misses it, or for everybody (JuSpace).
    kind : {"spearman", "pearson"}
    """

    patients: Floats
    controls: Floats
    maps: Floats
    gm: Floats | None
    missing: Missing = "per_patient"
    kind: Kind = "spearman"

    def __post_init__(self) -> None:
        _check_shapes(self)

    @cached_property
    def people(self) -> Floats:
        """Patients, then controls, shape (person, region)."""
        return np.concatenate([self.patients, self.controls]).astype(np.float64)


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
) -> Colocalisation:
    """Compare one group of patients with receptor maps.

    Parameters
    ----------
    patients, controls, maps, gm, missing, kind
        As in `Problem`.
    n_permutations : int
        Exchanges of patients and controls.
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
    JuSpace 1.5, option 5 (Dukart et al. 2021, Hum Brain Mapp 42:555) with its exact permutation:
    round(n1^2 / (n1 + n2)) patients stay, the others come from the controls, z and rho are
    recomputed, p = (#{|null| >= |observed|} + 1) / (n + 1).
    """
    problem = Problem(patients, controls, maps, gm, missing, kind)
    batches = [null_batch(problem, k, seed) for k in range(n_batches(n_permutations))]
    return conclude(problem, batches, n_permutations=n_permutations, seed=seed)


def n_batches(n_permutations: int) -> int:
    """Batches that hold so many permutations."""
    return math.ceil(n_permutations / BATCH)


def null_batch(problem: Problem, k: int, seed: int) -> Floats:
    """Draw batch k of the null, shape (BATCH, m); the same wherever and whenever it runs."""
    return statistic(problem, *_exchanges(problem, k, seed))


def conclude(
    problem: Problem, batches: Sequence[Floats], *, n_permutations: int, seed: int
) -> Colocalisation:
    """Put the observed statistic and its null together.

    Parameters
    ----------
    problem : Problem
    batches : sequence of ndarray
        Batches 0, 1, ... of `null_batch`, in that order.
    n_permutations : int
        The null is cut to this length.
    seed : int
        Of the bootstrap.
    """
    n1, n2 = len(problem.patients), len(problem.controls)
    z = _scores(problem, np.arange(n1)[None], np.arange(n1, n1 + n2)[None])[0]
    rho = partial_correlation(z, problem.maps, problem.gm, problem.kind)
    fisher = fisher_z(rho)
    empty = np.empty((0, len(problem.maps)))
    null = np.concatenate([empty, *batches])[:n_permutations]
    observed = _mean(fisher)
    low, high = bootstrap_interval(fisher, seed=seed)
    return Colocalisation(
        rho=rho,
        fisher_z=fisher,
        mean_rho=_mean(rho),
        mean_fisher_z=observed,
        p_permutation=p_value(observed, null),
        p_fwe=p_value(observed, np.abs(null).max(axis=1, keepdims=True, initial=0.0)),
        ci_low=low,
        ci_high=high,
        n_regions=_regions_used(z, problem),
        null=null,
    )


def statistic(problem: Problem, first: Integers, second: Integers) -> Floats:
    """Mean Fisher z of each regrouping with each map.

    Parameters
    ----------
    problem : Problem
    first, second : ndarray of int, shapes (draw, n1) and (draw, n2)
        Rows of ``problem.people`` that play patients and controls.

    Returns
    -------
    ndarray, shape (draw, m)
    """
    z = _scores(problem, first, second)
    draws, n1, n_regions = z.shape
    rho = partial_correlation(z.reshape(-1, n_regions), problem.maps, problem.gm, problem.kind)
    return _mean(fisher_z(rho).reshape(draws, n1, len(problem.maps)))


def p_value(observed: Floats, null: Floats) -> Floats:
    """Two-sided p = (#{|null| >= |observed|} + 1) / (n + 1); NaN without a statistic or a null.

    Parameters
    ----------
    observed : ndarray, shape (m,)
    null : ndarray, shape (permutation, m) or (permutation, 1)
    """
    # Equal statistics must count as equal whatever order they were summed in.
    reached = np.abs(null) >= np.abs(observed) * (1 - 1e-10)
    p = (reached.sum(axis=0) + 1) / (len(null) + 1)
    return np.where(np.isnan(observed) | (len(null) == 0), np.nan, p)


def _scores(problem: Problem, first: Integers, second: Integers) -> Floats:
    z = z_scores(problem.people, first, second, problem.missing)
    if problem.missing == "listwise":
        gone = np.asarray(np.isnan(z).any(axis=1) | np.isnan(problem.maps).any(axis=0))
        z = np.where(gone[:, None, :], np.nan, z)
    return z


def _exchanges(problem: Problem, k: int, seed: int) -> tuple[Integers, Integers]:
    """Draw who plays patient and who control: always the same number change sides."""
    n1, n2 = len(problem.patients), len(problem.controls)
    stay = math.floor(n1 * n1 / (n1 + n2) + 0.5)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
    patients = rng.permuted(np.tile(np.arange(n1), (BATCH, 1)), axis=1)
    controls = rng.permuted(np.tile(np.arange(n1, n1 + n2), (BATCH, 1)), axis=1)
    return regroup(patients, controls, stay)


def regroup(patients: Integers, controls: Integers, stay: int) -> tuple[Integers, Integers]:
    """Exchange rows: the first ``stay`` patients stay, the rest change places with controls."""
    come = patients.shape[1] - stay
    first = np.concatenate([patients[:, :stay], controls[:, :come]], axis=1)
    second = np.concatenate([patients[:, stay:], controls[:, come:]], axis=1)
    return first, second


def _mean(values: Floats) -> Floats:
    """Average over patients (the axis before the last), those without a value left out."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / known.sum(axis=-2))


def _regions_used(z: Floats, problem: Problem) -> Integers:
    known = ~np.isnan(problem.maps)
    if problem.gm is not None:
        known = known & ~np.isnan(problem.gm)
    used = (~np.isnan(z)).astype(np.int64) @ known.astype(np.int64).T
    return np.asarray(used.min(axis=0))


def _check_shapes(problem: Problem) -> None:
    sides = {"patients": problem.patients, "controls": problem.controls, "maps": problem.maps}
    gm = problem.maps[:1] if problem.gm is None else problem.gm[None]
    widths = {name: side.shape[-1] for name, side in {**sides, "gm": gm}.items()}
    if len(set(widths.values())) > 1:
        raise UserError(f"Receptors: the tables differ in their number of regions: {widths}.")
    if len(problem.patients) < 1 or len(problem.controls) < _MIN_CONTROLS:
        raise UserError(
            f"Receptors: {len(problem.patients)} patients and {len(problem.controls)} controls; "
            f"at least 1 and {_MIN_CONTROLS} are needed. Check cohort.groups and cohort.reference."
        )
