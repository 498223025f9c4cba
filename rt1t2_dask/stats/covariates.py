"""Covariates as columns of a model: numbers centred, text coded by its levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError

Float = NDArray[np.float64]


def covariate_columns(
    covariates: pd.DataFrame | None,
    rows: NDArray[np.intp],
    participants: Sequence[str] | None = None,
) -> tuple[Float, list[str]]:
    """Code covariates of chosen participants.

    Parameters
    ----------
    covariates : DataFrame, one row a participant, or None
        Numbers are centred on their mean over the rows (SPM12's "overall mean");
        text becomes treatment-coded columns, centred alike.
    rows : ndarray of int
        The participants of the design.
    participants : sequence of str, optional
        Labels used in error messages.

    Returns
    -------
    columns : ndarray, shape (row, column)
    names : list of str
        One a column.

    Raises
    ------
    UserError
        A value is missing, or text is constant.
    """
    if covariates is None or covariates.shape[1] == 0:
        return np.empty((len(rows), 0)), []
    table = covariates.iloc[rows]
    columns: list[Float] = []
    names: list[str] = []
    for name in map(str, table.columns):
        values = table[name]
        require_values(values, name, rows, participants)
        for column, column_name in _coded(values, name):
            columns.append(column - column.mean())
            names.append(column_name)
    return np.column_stack(columns), names


def require_values(
    values: pd.Series,
    name: str,
    rows: NDArray[np.intp],
    participants: Sequence[str] | None = None,
    role: str = "covariate",
) -> None:
    """Refuse a variable with missing values.

    Parameters
    ----------
    values : Series
        Of the chosen rows.
    name : str
        The variable's.
    rows, participants
        As in `covariate_columns`.
    role : str
        What the variable is in the contrast.

    Raises
    ------
    UserError
        Names the participants without it.
    """
    missing = np.flatnonzero(values.isna().to_numpy())
    if len(missing):
        labels = [] if participants is None else [participants[rows[i]] for i in missing]
        listed = f" ({', '.join(labels[:5])}{', ...' if len(labels) > 5 else ''})" if labels else ""
        raise UserError(
            f"{role} {name} is missing for {len(missing)} of {len(rows)} participants"
            f"{listed}; fill it in, add them to cohort.exclude, or drop the {role}."
        )


def is_number(values: pd.Series) -> bool:
    """Whether a variable enters a model as a number, else by its levels."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _coded(values: pd.Series, name: str) -> list[tuple[Float, str]]:
    if is_number(values):
        return [(values.to_numpy(np.float64), name)]
    text = values.astype(str)
    levels = sorted(text.unique())
    if len(levels) == 1:
        raise UserError(f"covariate '{name}' is '{levels[0]}' for everybody; remove it.")
    return [((text == level).to_numpy(np.float64), f"{name}[{level}]") for level in levels[1:]]
