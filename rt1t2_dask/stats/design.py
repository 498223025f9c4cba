"""Design matrices of group comparisons, checked before any image is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError

Float = NDArray[np.float64]
RANK_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Design:
    """A linear model of the participants and one contrast of its columns.

    Parameters
    ----------
    matrix : ndarray, shape (participant, column)
        Columns of the model; covariates are centred.
    names : tuple of str
        One name a column.
    group : ndarray of str, shape (participant,)
        Group of each row; variances are pooled within it.
    contrast : ndarray, shape (column,)
        Weights of the columns; positive t means a positive weighted sum.
    rows : ndarray of int, shape (participant,)
        Position of each row in the participants that were given.
    """

    matrix: Float
    names: tuple[str, ...]
    group: NDArray[np.str_]
    contrast: Float
    rows: NDArray[np.intp]

    @property
    def n(self) -> int:
        """Participants in the model."""
        return int(self.matrix.shape[0])

    @property
    def rank(self) -> int:
        """Rank of the model."""
        return int(np.linalg.matrix_rank(self.matrix))

    @property
    def dof(self) -> int:
        """Residual degrees of freedom where nobody is missing."""
        return self.n - self.rank

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups in order of first appearance."""
        return tuple(dict.fromkeys(self.group.tolist()))


def two_sample(
    group_labels: Sequence[str],
    first: str,
    second: str,
    covariates: pd.DataFrame | None = None,
    *,
    participants: Sequence[str] | None = None,
) -> Design:
    """Compare two groups, first minus second.

    Parameters
    ----------
    group_labels : sequence of str, length participant
        Participants of other groups are left out; see ``Design.rows``.
    first, second : str
        Positive t means the first group is higher.
    covariates : DataFrame, one row a participant, optional
        Numbers are centred on their mean over both groups (SPM12's "overall
        mean"); text becomes treatment-coded columns, centred alike.
    participants : sequence of str, optional
        Labels used in error messages.

    Returns
    -------
    Design
        One column a group, then the covariates.

    Raises
    ------
    UserError
        Groups too small or alike, covariates missing, contrast not estimable.
    """
    labels = np.asarray(group_labels, dtype=np.str_)
    if first == second:
        raise UserError(f"contrast compares group '{first}' with itself; name two groups.")
    rows = np.flatnonzero((labels == first) | (labels == second))
    group = labels[rows]
    _require_two_members(group, first, second)
    indicator = np.column_stack([group == first, group == second]).astype(np.float64)
    extra, extra_names = _covariate_columns(covariates, rows, participants)
    contrast = np.zeros(2 + len(extra_names))
    contrast[:2] = 1.0, -1.0
    design = Design(
        np.column_stack([indicator, extra]), (first, second, *extra_names), group, contrast, rows
    )
    require_estimable(design)
    return design


def require_estimable(design: Design) -> None:
    """Refuse a design whose columns depend on each other or leave no residual.

    Raises
    ------
    UserError
        Naming the first column that the columns before it already contain.
    """
    scale = np.linalg.norm(design.matrix, axis=0)
    for column in range(design.matrix.shape[1]):
        known, target = design.matrix[:, :column], design.matrix[:, column]
        residual = target - known @ np.linalg.lstsq(known, target, rcond=None)[0]
        if np.linalg.norm(residual) <= RANK_TOLERANCE * max(scale[column], 1.0):
            raise UserError(
                f"design: column '{design.names[column]}' is constant or a combination of "
                f"{list(design.names[:column])}; remove it from cohort.covariates."
            )
    if design.n <= design.matrix.shape[1]:
        raise UserError(
            f"design: {design.n} participants for {design.matrix.shape[1]} columns "
            f"{list(design.names)} leave no residual degrees of freedom; use fewer covariates."
        )


def _require_two_members(group: NDArray[np.str_], first: str, second: str) -> None:
    for name in (first, second):
        count = int(np.sum(group == name))
        if count < 2:
            raise UserError(f"group '{name}' has {count} participants; a contrast needs 2 or more.")


def _covariate_columns(
    covariates: pd.DataFrame | None, rows: NDArray[np.intp], participants: Sequence[str] | None
) -> tuple[Float, list[str]]:
    if covariates is None or covariates.shape[1] == 0:
        return np.empty((len(rows), 0)), []
    table = covariates.iloc[rows]
    columns: list[Float] = []
    names: list[str] = []
    for name in map(str, table.columns):
        values = table[name]
        _require_values(values, name, rows, participants)
        for column, column_name in _coded(values, name):
            columns.append(column - column.mean())
            names.append(column_name)
    return np.column_stack(columns) if columns else np.empty((len(rows), 0)), names


def _require_values(
    values: pd.Series, name: str, rows: NDArray[np.intp], participants: Sequence[str] | None
) -> None:
    missing = np.flatnonzero(values.isna().to_numpy())
    if len(missing):
        who = [participants[rows[i]] if participants is not None else str(rows[i]) for i in missing]
        raise UserError(
            f"covariate '{name}' is missing for {len(who)} participants "
            f"({', '.join(who[:5])}{', ...' if len(who) > 5 else ''}); "
            "fill it in, add them to cohort.exclude, or drop the covariate."
        )


def _coded(values: pd.Series, name: str) -> list[tuple[Float, str]]:
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return [(values.to_numpy(np.float64), name)]
    text = values.astype(str)
    levels = sorted(text.unique())
    if len(levels) == 1:
        raise UserError(f"covariate '{name}' is '{levels[0]}' for everybody; drop it.")
    return [((text == level).to_numpy(np.float64), f"{name}[{level}]") for level in levels[1:]]
