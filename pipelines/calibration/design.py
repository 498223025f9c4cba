"""Participants and covariates of a contrast with gain correction and protocols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.images.names import ANCHOR
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.kinds import PERSON, SESSION
from rt1t2_dask.stats.covariates import covariate_columns
from rt1t2_dask.stats.design import LEAST_DOF, RANK_TOLERANCE, Design, require_estimable

Float = NDArray[np.float64]
LEAST_A_GROUP = 3


class ContrastRefusedError(UserError):
    """A contrast that the protocols do not allow; maps, regions and quality are not affected."""


def usable(
    people: pd.DataFrame, plans: Sequence[PersonPlan]
) -> tuple[pd.DataFrame, list[PersonPlan]]:
    """Exclude people without a known gain, with gain correction.

    Parameters
    ----------
    people : DataFrame
    plans : sequence of PersonPlan
        Their plans, in the same order.
    """
    kept = [k for k, plan in enumerate(plans) if plan.gain is None or plan.gain.usable]
    if len(kept) == len(plans):
        return people, list(plans)
    return people.iloc[kept].reset_index(drop=True), [plans[k] for k in kept]


def held_constant(design: Design, people: pd.DataFrame, plans: Sequence[PersonPlan]) -> Design:
    """Add a column for each protocol but the first, and the anchor with gain correction.

    Parameters
    ----------
    design : Design
    people : DataFrame
        The people that `design.rows` indexes.
    plans : sequence of PersonPlan
        Their plans, in the same order.

    Raises
    ------
    ContrastRefusedError
        Protocol and group are confounded, or too few people are left for the columns.
    """
    if any(plan.gain is None for plan in plans):
        return design
    partners = [] if design.partner is None else design.partner.tolist()
    members, group = [*design.rows.tolist(), *partners], conditions(people)
    require_not_confounded([group[k] for k in members], [plans[k] for k in members])
    matrix, names = design.matrix, list(design.names)
    for name, values in _columns(plans):
        column = values[design.rows]
        column = column if design.partner is None else column - values[design.partner]
        centred = column - column.mean()
        if _adds(matrix, centred):
            matrix, names = np.column_stack([matrix, centred]), [*names, name]
    added = matrix.shape[1] - design.matrix.shape[1]
    contrast = np.vstack([design.contrast, np.zeros((added, design.q))])
    found = replace(design, matrix=matrix, names=tuple(names), contrast=contrast)
    try:
        require_estimable(found)
    except UserError as error:
        raise ContrastRefusedError(str(error)) from None
    return found


def conditions(people: pd.DataFrame) -> list[str]:
    """Return the group of each row, with its session where people have several."""
    if PERSON not in people:
        return [str(group) for group in people["group"]]
    both = zip(people["group"], people[SESSION], strict=True)
    return [f"{group} in session {session}" for group, session in both]


def z_covariates(
    known: Mapping[str, list[Any]], plans: Sequence[PersonPlan], controls: NDArray[np.bool_]
) -> dict[str, list[float]]:
    """Return the columns for the regional z of a group beside its covariates.

    Parameters
    ----------
    known : mapping of str to list
        Covariates, numbers or text, by person.
    plans : sequence of PersonPlan
        Patients and controls.
    controls : ndarray of bool, shape (person,)
        People that the regression on covariates is fitted to.

    Raises
    ------
    ContrastRefusedError
        A protocol has no controls, or patients only; or the controls are too few.
    """
    own, _ = covariate_columns(pd.DataFrame(known), np.arange(len(plans)))
    matrix = np.column_stack([np.ones(len(plans)), own])
    found: dict[str, list[float]] = {}
    for name, values in own_columns(plans).items():
        column = np.asarray(values)
        if _adds(matrix[controls], column[controls]):
            matrix = np.column_stack([matrix, column])
            found[name] = values
        elif _adds(matrix, column):
            raise ContrastRefusedError(_not_estimable(name, column[controls], matrix[controls]))
    _require_controls(int(controls.sum()), own.shape[1] + 1, list(found))
    return found


def _not_estimable(name: str, column: Float, others: Float) -> str:
    """Explain why a column is not estimable in the controls."""
    n, columns = others.shape
    if not np.ptp(column):
        return (
            f"{name} is confounded with the group: the controls do not vary in it. Leave a "
            f"protocol's people out with cohort.exclude, or set calibration=gm_median."
        )
    if np.linalg.matrix_rank(others) >= n:
        return _too_few(n, columns, [name])
    return (
        f"{name} is confounded with the covariates in the controls. Use fewer cohort.covariates, "
        f"or set calibration=none."
    )


def _require_controls(n: int, columns: int, held: Sequence[str]) -> None:
    """Refuse too few residual degrees of freedom in the controls."""
    if held and n - columns >= LEAST_DOF > n - columns - len(held):
        raise ContrastRefusedError(_too_few(n, columns, held))


def _too_few(n: int, columns: int, held: Sequence[str]) -> str:
    return (
        f"{n} controls are too few to adjust for {', '.join(held)} beside the mean and "
        f"{columns - 1} columns of covariates (at least {LEAST_DOF} more controls than columns "
        f"are needed). Use fewer cohort.covariates, or set calibration=none."
    )


def own_columns(plans: Sequence[PersonPlan]) -> dict[str, list[float]]:
    """Return the protocol and anchor columns by name, without constant ones."""
    if any(plan.gain is None for plan in plans):
        return {}
    return {name: values.tolist() for name, values in _columns(plans) if np.ptp(values) > 0}


def _columns(plans: Sequence[PersonPlan]) -> Iterator[tuple[str, Float]]:
    gains = [plan.gain for plan in plans if plan.gain is not None]
    protocols = sorted({gain.protocol for gain in gains})
    for name in protocols[1:]:
        yield f"protocol[{name}]", np.array([float(gain.protocol == name) for gain in gains])
    for name in sorted({gain.protocol for gain in gains if gain.corrected}):
        label = ANCHOR if len(protocols) == 1 else f"{ANCHOR} of {name}"
        own = [gain.anchor if gain.protocol == name else 0.0 for gain in gains]
        yield label, np.array(own)


def _adds(matrix: Float, column: Float) -> bool:
    """Return whether a column is linearly independent of those before it."""
    left = column - matrix @ np.linalg.lstsq(matrix, column, rcond=None)[0]
    return bool(np.linalg.norm(left) > RANK_TOLERANCE * max(float(np.linalg.norm(column)), 1.0))


def require_not_confounded(group: Sequence[str], plans: Sequence[PersonPlan]) -> None:
    """Refuse a group comparison where a protocol has too few people of a group.

    Parameters
    ----------
    group : sequence of str
        Group of each person compared.
    plans : sequence of PersonPlan
        Their plans, in the same order; not checked if gains are unknown.

    Raises
    ------
    ContrastRefusedError
        With the numbers by protocol and group.
    """
    if any(plan.gain is None for plan in plans):
        return
    counts = Counter((_protocol(p), name) for p, name in zip(plans, group, strict=True))
    protocols = sorted({protocol for protocol, _ in counts})
    groups = list(dict.fromkeys(group))
    fewest = min(counts[protocol, name] for protocol in protocols for name in groups)
    if len(protocols) > 1 and fewest < LEAST_A_GROUP:
        listed = "; ".join(
            f"{p}: {', '.join(f'{counts[p, name]} in {name}' for name in groups)}"
            for p in protocols
        )
        raise ContrastRefusedError(
            f"protocol and group are confounded ({listed}; each protocol needs "
            f"{LEAST_A_GROUP} people of each group). Leave a protocol's people out with "
            "cohort.exclude, set cohort.protocol_column to group equivalent scans, or set "
            "calibration=gm_median, which shows regional effects only."
        )


def _protocol(plan: PersonPlan) -> str:
    assert plan.gain is not None
    return plan.gain.protocol
