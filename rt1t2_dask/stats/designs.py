"""Designs of one group, pairs, several groups, or a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.covariates import covariate_columns, require_values
from rt1t2_dask.stats.design import (
    Design,
    Float,
    indicators,
    require_estimable,
    require_members,
)
from rt1t2_dask.stats.order.neighbours import trend_weights

Rows = NDArray[np.intp]


def one_sample(
    group_labels: Sequence[str],
    group: str,
    covariates: pd.DataFrame | None = None,
    *,
    participants: Sequence[str] | None = None,
) -> Design:
    """Test the mean of one group against zero, at the mean of the covariates.

    Parameters
    ----------
    group_labels : sequence of str, length participant
    group : str
        Group tested.
    covariates, participants
        As in :func:`rt1t2_dask.stats.design.two_sample`.

    Returns
    -------
    Design
        A constant, then the covariates; tested by flipping signs.

    Raises
    ------
    UserError
        As :func:`rt1t2_dask.stats.design.two_sample`.
    """
    rows, names = _members(group_labels, (group,))
    return _constant(rows, names, covariates, participants)


def paired(
    group_labels: Sequence[str],
    first: str,
    second: str,
    pair: Sequence[object],
    covariates: pd.DataFrame | None = None,
    *,
    participants: Sequence[str] | None = None,
) -> Design:
    """Compare two conditions within pairs, first minus second.

    Parameters
    ----------
    group_labels : sequence of str, length participant
        Condition (session, group) of each map.
    first, second : str
        Positive t means the first condition is higher.
    pair : sequence, length participant
        Pair of each map: the person, or the matched pair.
    covariates : DataFrame, one row a participant, optional
        The value of the first member of each pair, centred over pairs.
    participants : sequence of str, optional
        Labels used in error messages.

    Returns
    -------
    Design
        One row a complete pair: ``Design.observed`` subtracts the second map from the first.

    Raises
    ------
    UserError
        A pair has a condition twice, or fewer than two pairs are complete; else as
        ``two_sample``.

    Notes
    -----
    The t of differences equals that of a model with one column a pair, with the
    same residual smoothness; a voxel missing in one map of a pair loses the pair.
    """
    labels = np.asarray(group_labels, dtype=np.str_)
    if first == second:
        raise UserError(f"contrast compares group '{first}' with itself; name two groups.")
    places = [by_pair(labels, name, pair, participants) for name in (first, second)]
    keys = [key for key in places[0] if key in places[1]]
    if len(keys) < 2:
        raise UserError(
            f"{len(keys)} pairs have both '{first}' and '{second}'; at least 2 are needed."
        )
    rows, partner = (np.array([place[key] for key in keys], dtype=np.intp) for place in places)
    names = np.full(len(rows), f"{first}-{second}")
    return _constant(rows, names, covariates, participants, partner)


def anova(
    group_labels: Sequence[str],
    groups: Sequence[str],
    covariates: pd.DataFrame | None = None,
    *,
    participants: Sequence[str] | None = None,
) -> Design:
    """Test whether the means of three groups or more differ (F).

    Parameters
    ----------
    group_labels : sequence of str, length participant
    groups : sequence of str
        Three or more.
    covariates, participants
        As in :func:`rt1t2_dask.stats.design.two_sample`.

    Returns
    -------
    Design
        One column a group, then the covariates; differences of neighbouring groups.

    Raises
    ------
    UserError
        Fewer than three groups; else as ``two_sample``.
    """
    if len(set(groups)) != len(groups) or len(groups) < 3:
        raise UserError(
            f"anova: groups {list(groups)}; name three or more, each once (two: [first, second])."
        )
    rows, names = _members(group_labels, groups)
    extra, extra_names = covariate_columns(covariates, rows, participants)
    matrix = np.column_stack([indicators(names, groups), extra])
    contrast = np.zeros((matrix.shape[1], len(groups) - 1))
    for k in range(len(groups) - 1):
        contrast[k : k + 2, k] = 1.0, -1.0
    return _checked(Design(matrix, (*groups, *extra_names), names, contrast, rows))


def ordered(
    group_labels: Sequence[str],
    groups: Sequence[str],
    scores: Sequence[float] | None = None,
    covariates: pd.DataFrame | None = None,
    *,
    participants: Sequence[str] | None = None,
) -> Design:
    """Test the linear trend of the means of three groups or more (t).

    Parameters
    ----------
    group_labels : sequence of str, length participant
    groups : sequence of str
        Three or more, in their order; positive t means that the mean rises along them.
    scores : sequence of float, optional
        The place of each group, increasing; evenly spaced where left out.
    covariates, participants
        As in :func:`rt1t2_dask.stats.design.two_sample`.

    Returns
    -------
    Design
        One column a group, then the covariates; the effect is the difference between the last
        group and the first on the line through the adjusted means, each group counting alike.

    Raises
    ------
    UserError
        Fewer than three groups, or one twice; scores that do not increase; else as ``two_sample``.
    """
    if len(set(groups)) != len(groups) or len(groups) < 3:
        raise UserError(
            f"ordered: groups {list(groups)}; name three or more, each once, in their order."
        )
    weights = trend_weights(range(len(groups)) if scores is None else scores)
    if len(weights) != len(groups):
        raise UserError(f"ordered: {len(weights)} scores for {len(groups)} groups; state one each.")
    design = anova(group_labels, groups, covariates, participants=participants)
    return replace(design, contrast=np.pad(weights, (0, len(design.names) - len(groups))))


def regression(
    group_labels: Sequence[str],
    within: Sequence[str],
    score: pd.Series,
    covariates: pd.DataFrame | None = None,
    *,
    participants: Sequence[str] | None = None,
) -> Design:
    """Test the slope on a score within one group, or common to several.

    Parameters
    ----------
    group_labels : sequence of str, length participant
    within : sequence of str
        Who takes part; each group has its own mean.
    score : Series of numbers, one a participant
        Its name becomes the column's; it is centred.
    covariates, participants
        As in :func:`rt1t2_dask.stats.design.two_sample`.

    Returns
    -------
    Design
        One column a group, the score, then the covariates.

    Raises
    ------
    UserError
        The score is missing for somebody or is constant; else as
        ``two_sample``.
    """
    rows, names = _members(group_labels, within)
    require_values(score.iloc[rows], str(score.name), rows, participants)
    values = score.iloc[rows].to_numpy(np.float64)
    extra, extra_names = covariate_columns(covariates, rows, participants)
    columns = (*within, str(score.name), *extra_names)
    matrix = np.column_stack([indicators(names, within), values - values.mean(), extra])
    contrast = (np.arange(matrix.shape[1]) == len(within)).astype(np.float64)
    return _checked(Design(matrix, columns, names, contrast, rows))


def _members(labels: Sequence[str], groups: Sequence[str]) -> tuple[Rows, NDArray[np.str_]]:
    """Return the rows of the groups and the group of each."""
    known = np.asarray(labels, dtype=np.str_)
    rows = np.flatnonzero(np.isin(known, list(groups)))
    require_members(known[rows], groups)
    return rows, known[rows]


def _constant(
    rows: Rows,
    names: NDArray[np.str_],
    covariates: pd.DataFrame | None,
    participants: Sequence[str] | None,
    partner: Rows | None = None,
) -> Design:
    extra, extra_names = covariate_columns(covariates, rows, participants)
    matrix: Float = np.column_stack([np.ones(len(rows)), extra])
    contrast = np.eye(matrix.shape[1])[0]
    columns = ("mean" if partner is None else "difference", *extra_names)
    return _checked(Design(matrix, columns, names, contrast, rows, partner, flips=True))


def by_pair(
    labels: NDArray[np.str_],
    condition: str,
    pair: Sequence[object],
    participants: Sequence[str] | None,
) -> dict[object, int]:
    """Return the row of each pair in one condition, in row order."""
    rows = np.flatnonzero(labels == condition)
    require_values(pd.Series(list(pair)).iloc[rows], "pair", rows, participants)
    found: dict[object, int] = {}
    for row in rows.tolist():
        if pair[row] in found:
            raise UserError(f"pair '{pair[row]}' has '{condition}' twice; each pair needs it once.")
        found[pair[row]] = row
    return found


def _checked(design: Design) -> Design:
    require_estimable(design)
    return design
