"""Which controls and patients are compared, and the model of the controls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.calibration.design import LEAST_A_GROUP, own_columns
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.report.numbers import plural
from rt1t2_dask.stats.covariates import is_number, require_values
from rt1t2_dask.stats.design import LEAST_DOF, RANK_TOLERANCE
from rt1t2_dask.stats.deviation import LEAST_OTHERS

Float = NDArray[np.float64]
MEAN = "mean"
LEAST_MORE = LEAST_DOF + 1
"""Controls beyond the columns: one of them is left out."""


@dataclass(frozen=True)
class Compared:
    """Controls, patients, and the model that holds for both.

    Parameters
    ----------
    controls, patients : tuple of int
        Places among the people.
    names : tuple of str
        One a column, the mean first.
    of_controls, of_patients : ndarray, shape (person, column)
    notes : tuple of str
        Who is left out, and why.
    """

    controls: tuple[int, ...]
    patients: tuple[int, ...]
    names: tuple[str, ...]
    of_controls: Float
    of_patients: Float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Column:
    """One column: its values of controls and of patients; NaN where a patient can have none."""

    name: str
    controls: Float
    patients: Float


def groups_asked(config: Config) -> tuple[str, ...]:
    """Return the groups whose people are compared with the controls."""
    asked = config.deviation.patients
    if isinstance(asked, tuple):
        return asked
    others = (name for name in config.cohort.groups if name != config.cohort.reference)
    return tuple(others) if asked == "all" else ()


def compared(config: Config, rows: pd.DataFrame, plans: Sequence[PersonPlan]) -> Compared | str:
    """Return who is compared with whom; a reason where nobody can be.

    Parameters
    ----------
    rows : DataFrame
        Of the people whose gain is known.
    plans : sequence of PersonPlan
        Theirs, in the same order.

    Raises
    ------
    UserError
        A covariate is missing for somebody.
    """
    group = rows["group"].to_numpy()
    controls = np.flatnonzero(group == config.cohort.reference).tolist()
    patients = np.flatnonzero(np.isin(group, groups_asked(config))).tolist()
    if len(controls) < LEAST_OTHERS or not patients:
        return (
            f"there are {plural(len(controls), 'control')} and {plural(len(patients), 'patient')}; "
            f"at least {LEAST_OTHERS} controls and a patient are needed."
        )
    scanned = _with_protocol(plans, controls, patients)
    columns = _columns(config, rows, plans, controls, scanned) if scanned else []
    names, of_controls, of_patients = _independent(len(controls), columns, len(scanned))
    if len(controls) - len(names) < LEAST_MORE:
        return (
            f"{len(controls)} controls are too few for the columns {', '.join(names)} (at least "
            f"{LEAST_MORE} more controls than columns are needed); use fewer cohort.covariates."
        )
    known = np.asarray(np.isfinite(of_patients).all(axis=1))
    notes = _left_out_notes(len(patients) - len(scanned), len(scanned) - int(known.sum()))
    if not known.any():
        return " ".join(notes)
    kept = tuple(k for k, there in zip(scanned, known, strict=True) if there)
    found = tuple(names), of_controls, of_patients[known]
    return Compared(tuple(controls), kept, *found, notes=tuple(notes))


def _with_protocol(
    plans: Sequence[PersonPlan], controls: Sequence[int], patients: Sequence[int]
) -> list[int]:
    """Return the patients whose protocol has enough controls."""
    protocols = [None if plan.gain is None else plan.gain.protocol for plan in plans]
    counts = Counter(protocols[k] for k in controls)
    return [k for k in patients if counts[protocols[k]] >= LEAST_A_GROUP]


def _left_out_notes(protocol: int, unlike: int) -> list[str]:
    notes = []
    if protocol:
        notes.append(
            f"{plural(protocol, 'patient')} cannot be compared with the controls: fewer than "
            f"{LEAST_A_GROUP} controls have their scan protocol."
        )
    if unlike:
        notes.append(
            f"{plural(unlike, 'patient')} cannot be compared with the controls: a covariate, site "
            "or protocol of theirs does not occur among the controls."
        )
    return notes


def _columns(
    config: Config,
    rows: pd.DataFrame,
    plans: Sequence[PersonPlan],
    controls: Sequence[int],
    patients: Sequence[int],
) -> list[_Column]:
    """Return covariates, site, protocol and anchor, centred on the controls."""
    both, n = np.array([*controls, *patients]), len(controls)
    labels = rows["participant_id"].tolist()
    found: list[_Column] = []
    for name in _covariates(config):
        values = rows[COVARIATE + name].iloc[both]
        require_values(values, name, both, labels)
        found += _coded(name, values, n)
    for name, own in own_columns([plans[k] for k in both]).items():
        found.append(_centred(name, np.asarray(own, np.float64), n))
    return found


def _covariates(config: Config) -> tuple[str, ...]:
    """Return the cohort's covariates, and the site where contrasts hold it."""
    site = config.cohort.site if config.site.model != "none" else None
    own = config.cohort.covariates
    return (*own, site) if site and site not in own else own


def _coded(name: str, values: pd.Series, n: int) -> list[_Column]:
    """Code a covariate: a number, or a column for each further category of the controls."""
    if is_number(values):
        return [_centred(name, values.to_numpy(np.float64), n)]
    text = values.astype(str).to_numpy()
    levels = sorted(set(text[:n]))
    known = np.isin(text, levels)
    marks = [np.where(known, text == level, np.nan) for level in levels]
    # The first category is needed for those alone whose category no control has.
    kept = marks[1:] or marks
    names = levels[1:] or levels
    return [_centred(f"{name}[{level}]", own, n) for level, own in zip(names, kept, strict=True)]


def _centred(name: str, values: Float, n: int) -> _Column:
    centred = values - values[:n].mean()
    return _Column(name, centred[:n], centred[n:])


def _independent(
    n: int, columns: Sequence[_Column], patients: int
) -> tuple[list[str], Float, Float]:
    """Keep the columns that are no combination of those before them in the controls.

    A patient for whom the same combination does not hold cannot be predicted from the controls and
    has NaN.
    """
    names, own, theirs = [MEAN], np.ones((n, 1)), np.ones((patients, 1))
    for column in columns:
        weights = np.linalg.lstsq(own, column.controls, rcond=None)[0]
        size = max(float(np.linalg.norm(column.controls)), 1.0)
        if np.linalg.norm(column.controls - own @ weights) > RANK_TOLERANCE * size:
            names.append(column.name)
            own = np.column_stack([own, column.controls])
            theirs = np.column_stack([theirs, column.patients])
        else:
            missed = ~(np.abs(column.patients - theirs @ weights) <= RANK_TOLERANCE * size)
            theirs = np.where(missed[:, None], np.nan, theirs)
    return names, own, theirs
