"""The data and settings of one comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.correlation import Kind, usable
from rt1t2_dask.receptors.covariates import adjusted_z
from rt1t2_dask.receptors.profiles import leave_one_out_z, mean_profile, paired_difference
from rt1t2_dask.receptors.zscores import Missing, effect_sizes, z_scores

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Comparison = Literal["z", "effect_size", "mean", "each", "leave_one_out", "paired_difference"]
Relabelings = Literal["all", "fixed_number"]

#: Comparisons of two groups, whose labels can be permuted.
BETWEEN: tuple[Comparison, ...] = ("z", "effect_size", "paired_difference")

_MIN_CONTROLS = 3
_WITHIN: dict[str, Callable[[Floats], Floats]] = {
    "mean": mean_profile,
    "each": lambda patients: patients,
    "leave_one_out": leave_one_out_z,
}


@dataclass(frozen=True)
class Problem:
    """The data and settings; picklable, so that null batches can run on workers.

    Parameters
    ----------
    patients, controls : ndarray, shapes (n1, region) and (n2, region)
        Regional means of each person's map; NaN where not measured.
    maps : ndarray, shape (m, region)
        Regional means of the receptor maps.
    gm : ndarray, shape (region,), optional
        Grey-matter prior held constant; None for none.
    missing : {"per_patient", "listwise"}
        Leave a missing region out for that patient, or for all (JuSpace).
    kind : {"spearman", "pearson", "regression"}
    comparison : {"z", "effect_size", "mean", "each", "leave_one_out", "paired_difference"}
        Each patient's z against the controls, one effect size between the groups (JuSpace options
        5 and 1), the patients' mean (3), each patient's own means (4 and 8), or each patient's z
        against the other patients (7); these three use no controls. ``paired_difference``: row i
        of ``patients`` minus row i of ``controls`` (6).
    covariates : ndarray, shape (n1 + n2, q), optional
        Of patients, then controls: covariate-adjusted z, Freedman-Lane permutation.
    relabelings : {"all", "fixed_number"}
        The relabelings of the null, as in `rt1t2_dask.receptors.relabelings`.
    """

    patients: Floats
    controls: Floats
    maps: Floats
    gm: Floats | None
    missing: Missing = "per_patient"
    kind: Kind = "spearman"
    comparison: Comparison = "z"
    covariates: Floats | None = None
    relabelings: Relabelings = "all"

    def __post_init__(self) -> None:
        _check_shapes(self)

    @cached_property
    def people(self) -> Floats:
        """Patients, then controls, shape (person, region)."""
        return np.concatenate([self.patients, self.controls]).astype(np.float64)

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Which maps can be correlated, shape (m,)."""
        return usable(self.maps)


def patient_z(problem: Problem) -> Floats:
    """Return the rows that are correlated with the maps: each patient's z, shape (n1, region).

    One row with ``comparison="effect_size"`` or ``"mean"``, the patients' own rows with ``"each"``.
    """
    n1, n2 = len(problem.patients), len(problem.controls)
    if problem.comparison in BETWEEN:
        rows: Floats = scores(problem, np.arange(n1)[None], np.arange(n1, n1 + n2)[None])[0]
        return rows
    own: Floats = _listwise(_WITHIN[problem.comparison](problem.patients)[None], problem)[0]
    return own


def with_controls(problem: Problem, kept: Integers) -> Problem:
    """Return the problem with a subset of its controls, rows ``kept``."""
    people = np.concatenate([np.arange(len(problem.patients)), len(problem.patients) + kept])
    covariates = None if problem.covariates is None else problem.covariates[people]
    return replace(problem, controls=problem.controls[kept], covariates=covariates)


def scores(problem: Problem, first: Integers, second: Integers) -> Floats:
    """Compute the rows to correlate with the maps, for each relabeling.

    Parameters
    ----------
    problem : Problem
    first, second : ndarray of int, shapes (draw, n1) and (draw, n2)
        Rows of ``problem.people`` relabeled as patients and controls.

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
    """Leave missing regions out for all with listwise deletion; z is (draw, row, region)."""
    if problem.missing != "listwise":
        return z
    # A map without any region would remove all regions from the others.
    unknown = np.isnan(problem.maps[problem.usable]).any(axis=0)
    gone = np.asarray(np.isnan(z).any(axis=1) | unknown)
    return np.where(gone[:, None, :], np.nan, z)


def _check_shapes(problem: Problem) -> None:
    sides = {"patients": problem.patients, "controls": problem.controls, "maps": problem.maps}
    gm = problem.maps[:1] if problem.gm is None else problem.gm[None]
    widths = {name: side.shape[-1] for name, side in {**sides, "gm": gm}.items()}
    if len(set(widths.values())) > 1:
        raise UserError(f"Receptors: the tables differ in number of regions: {widths}.")
    people = len(problem.patients) + len(problem.controls)
    if problem.covariates is not None and (
        problem.comparison != "z" or problem.covariates.shape[:-1] != (people,)
    ):
        raise UserError(
            f"Receptors: covariates of shape {problem.covariates.shape} for {people} people and "
            f"comparison {problem.comparison!r}; covariates need one row per person and "
            f"comparison z."
        )
    if problem.comparison == "paired_difference" and len(problem.patients) != len(problem.controls):
        raise UserError(
            f"Receptors: paired difference of {len(problem.patients)} and "
            f"{len(problem.controls)} people; every row needs a partner."
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
