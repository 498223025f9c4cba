"""The data and the rules of one comparison, and its regroupings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.correlation import Kind
from rt1t2_dask.receptors.covariates import adjusted_z
from rt1t2_dask.receptors.profiles import leave_one_out_z, mean_profile, paired_difference
from rt1t2_dask.receptors.zscores import Missing, effect_sizes, z_scores

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Comparison = Literal["z", "effect_size", "mean", "each", "leave_one_out", "paired_difference"]

#: Comparisons of two lists: those whose labels can be exchanged.
BETWEEN: tuple[Comparison, ...] = ("z", "effect_size", "paired_difference")

#: Permutations a batch; part of the definition of every draw, so never a setting.
BATCH = 500
_MIN_CONTROLS = 3
_WITHIN: dict[str, Callable[[Floats], Floats]] = {
    "mean": mean_profile,
    "each": lambda patients: patients,
    "leave_one_out": leave_one_out_z,
}


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
    kind : {"spearman", "pearson", "regression"}
    comparison : {"z", "effect_size", "mean", "each", "leave_one_out", "paired_difference"}
        Each patient's z against the controls, one effect size between the groups (JuSpace options
        5 and 1), the patients' mean (3), each patient's own means (4 and 8), or each patient's z
        against the other patients (7); these three read no controls. ``paired_difference``: row i
        of ``patients`` minus row i of ``controls`` (6).
    covariates : ndarray, shape (n1 + n2, q), optional
        Of patients, then controls: z at equal covariates, exchanges by Freedman-Lane.
    """

    patients: Floats
    controls: Floats
    maps: Floats
    gm: Floats | None
    missing: Missing = "per_patient"
    kind: Kind = "spearman"
    comparison: Comparison = "z"
    covariates: Floats | None = None

    def __post_init__(self) -> None:
        _check_shapes(self)

    @cached_property
    def people(self) -> Floats:
        """Patients, then controls, shape (person, region)."""
        return np.concatenate([self.patients, self.controls]).astype(np.float64)


def patient_z(problem: Problem) -> Floats:
    """Give the rows that are correlated with the maps: each patient's z, shape (n1, region).

    One row with ``comparison="effect_size"`` or ``"mean"``, the patients' own rows with ``"each"``.
    """
    n1, n2 = len(problem.patients), len(problem.controls)
    if problem.comparison in BETWEEN:
        rows: Floats = scores(problem, np.arange(n1)[None], np.arange(n1, n1 + n2)[None])[0]
        return rows
    own: Floats = _listwise(_WITHIN[problem.comparison](problem.patients)[None], problem)[0]
    return own


def scores(problem: Problem, first: Integers, second: Integers) -> Floats:
    """Turn each regrouping into rows that can be correlated with the maps.

    Parameters
    ----------
    problem : Problem
    first, second : ndarray of int, shapes (draw, n1) and (draw, n2)
        Rows of ``problem.people`` that play patients and controls.

    Returns
    -------
    ndarray, shape (draw, n1, region), or (draw, 1, region) for effect sizes
    """
    if problem.covariates is not None:
        z = adjusted_z(problem.people, problem.covariates, first, second)
    elif problem.comparison == "effect_size":
        z = effect_sizes(problem.people, first, second)
    elif problem.comparison == "paired_difference":
        z = paired_difference(problem.people[first], problem.people[second])
    else:
        z = z_scores(problem.people, first, second, problem.missing)
    return _listwise(z, problem)


def _listwise(z: Floats, problem: Problem) -> Floats:
    """Leave a region out for everybody where the rule asks for it; z is (draw, row, region)."""
    if problem.missing != "listwise":
        return z
    gone = np.asarray(np.isnan(z).any(axis=1) | np.isnan(problem.maps).any(axis=0))
    return np.where(gone[:, None, :], np.nan, z)


def exchanges(problem: Problem, k: int, seed: int) -> tuple[Integers, Integers]:
    """Draw batch k of who plays patient and who control.

    Returns
    -------
    first, second : ndarray of int, shapes (BATCH, n1) and (BATCH, n2)
        Rows of ``problem.people``.

    Notes
    -----
    Always the same number change sides, as in JuSpace. Pairs swap each by a coin of its own, all
    2^n outcomes alike; JuSpace swaps half of the pairs in every draw, which leaves out most.
    """
    n1, n2 = len(problem.patients), len(problem.controls)
    stay = math.floor(n1 * n1 / (n1 + n2) + 0.5)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
    if problem.comparison == "paired_difference":
        swap = rng.integers(0, 2, size=(BATCH, n1)) * n1
        place = np.arange(n1)
        return place + swap, place + n1 - swap
    patients = rng.permuted(np.tile(np.arange(n1), (BATCH, 1)), axis=1)
    controls = rng.permuted(np.tile(np.arange(n1, n1 + n2), (BATCH, 1)), axis=1)
    return regroup(patients, controls, stay)


def regroup(patients: Integers, controls: Integers, stay: int) -> tuple[Integers, Integers]:
    """Exchange rows: the first ``stay`` patients stay, the rest change places with controls."""
    come = patients.shape[1] - stay
    first = np.concatenate([patients[:, :stay], controls[:, :come]], axis=1)
    second = np.concatenate([patients[:, stay:], controls[:, come:]], axis=1)
    return first, second


def _check_shapes(problem: Problem) -> None:
    sides = {"patients": problem.patients, "controls": problem.controls, "maps": problem.maps}
    gm = problem.maps[:1] if problem.gm is None else problem.gm[None]
    widths = {name: side.shape[-1] for name, side in {**sides, "gm": gm}.items()}
    if len(set(widths.values())) > 1:
        raise UserError(f"Receptors: the tables differ in their number of regions: {widths}.")
    people = len(problem.patients) + len(problem.controls)
    if problem.covariates is not None and (
        problem.comparison != "z" or problem.covariates.shape[:-1] != (people,)
    ):
        raise UserError(
            f"Receptors: covariates of shape {problem.covariates.shape} for {people} people and "
            f"comparison {problem.comparison!r}; they need one row a person and z-scores."
        )
    if problem.comparison == "paired_difference" and len(problem.patients) != len(problem.controls):
        raise UserError(
            f"Receptors: paired difference of {len(problem.patients)} and "
            f"{len(problem.controls)} people; every row needs its partner."
        )
    needed = 3 if problem.comparison == "leave_one_out" else 1
    if len(problem.patients) < needed:
        raise UserError(
            f"Receptors: {len(problem.patients)} patients; {problem.comparison} needs {needed}."
        )
    if problem.comparison in BETWEEN and len(problem.controls) < _MIN_CONTROLS:
        raise UserError(
            f"Receptors: {len(problem.patients)} patients and {len(problem.controls)} controls; "
            f"at least 1 and {_MIN_CONTROLS} are needed. Check cohort.groups and cohort.reference."
        )
