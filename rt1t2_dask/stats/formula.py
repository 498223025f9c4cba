"""Designs from a formula of the participants' columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.covariates import is_number, require_values
from rt1t2_dask.stats.design import Design, require_estimable

Float = NDArray[np.float64]
GROUP = "group"


def from_formula(
    formula: str,
    variables: pd.DataFrame,
    rows: NDArray[np.intp],
    *,
    weights: Mapping[str, float] | Sequence[Mapping[str, float]] | None = None,
    of: str | None = None,
    reference: str | None = None,
    participants: Sequence[str] | None = None,
) -> Design:
    """Build a design from a formula and test weights of its columns, or a term.

    Parameters
    ----------
    formula : str
        Right-hand side in R's notation with ``+ - * :``, such as ``~ group * age``.
    variables : DataFrame, one row a participant
        ``group`` and every other name of the formula. Numbers are centred on their
        mean over the rows; text is coded by its levels against the first.
    rows : ndarray of int
        The participants that take part.
    weights : mapping of column to weight, or a sequence of these, optional
        One gives a t, several an F.
    of : str, optional
        A term such as ``group:age``: all its columns are tested, in place of ``weights``.
    reference : str, optional
        The group that the others are coded against.
    participants : sequence of str, optional
        Labels used in error messages.

    Returns
    -------
    Design
        Columns are named ``Intercept``, ``age``, ``group[psp]``, ``group[psp]:age``.

    Raises
    ------
    UserError
        The formula cannot be read, a variable is missing, the contrast names no column
        or term, or the columns depend on each other.

    Notes
    -----
    The formula is expanded by formulaic; the formula must hold names only, as the
    configuration makes sure, for anything else would be run as Python.
    """
    table = _variables(variables, rows, reference, participants)
    matrix, names, terms = _expanded(formula, table)
    contrast = _contrast(names, terms, weights, of)
    group = table[GROUP].astype(str).to_numpy(np.str_)
    design = Design(matrix, names, group, contrast, rows)
    require_estimable(design)
    return design


def _variables(
    variables: pd.DataFrame,
    rows: NDArray[np.intp],
    reference: str | None,
    participants: Sequence[str] | None,
) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for name in map(str, variables.columns):
        values = variables[name].iloc[rows].reset_index(drop=True)
        require_values(variables[name].iloc[rows], name, rows, participants)
        if is_number(values):
            columns[name] = values.astype(np.float64) - float(values.mean())
        else:
            first = reference if name == GROUP else None
            text = values.astype(str)
            levels = sorted(text.unique(), key=lambda level: (level != first, level))
            columns[name] = pd.Categorical(text, categories=levels)
    return pd.DataFrame(columns)


def _expanded(
    formula: str, table: pd.DataFrame
) -> tuple[Float, tuple[str, ...], dict[str, list[int]]]:
    """Return columns, their names, and the columns of each term."""
    from formulaic import model_matrix
    from formulaic.errors import FormulaicError

    try:
        made = model_matrix(formula, table)
        spec = made.model_spec
    except (FormulaicError, AttributeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"formula '{formula}' cannot be read: {first}.") from None
    names = tuple(str(name).replace("[T.", "[") for name in made.columns)
    terms = {str(term): list(index) for term, index in spec.term_indices.items()}
    return np.asarray(made, np.float64), names, terms


def _contrast(
    names: tuple[str, ...],
    terms: Mapping[str, list[int]],
    weights: Mapping[str, float] | Sequence[Mapping[str, float]] | None,
    of: str | None,
) -> Float:
    if of is not None:
        return np.eye(len(names))[:, _term(terms, of)]
    rows = [weights] if isinstance(weights, Mapping) else list(weights or ())
    out = np.zeros((len(names), len(rows)))
    for k, row in enumerate(rows):
        for name, weight in row.items():
            if name not in names:
                raise UserError(
                    f"weights: the formula has no column '{name}'; it has {', '.join(names)}."
                )
            out[names.index(name), k] = weight
    return out


def _term(terms: Mapping[str, list[int]], of: str) -> list[int]:
    wanted = {part.strip() for part in of.split(":")}
    for term, index in terms.items():
        if set(term.split(":")) == wanted and index:
            return index
    raise UserError(f"of: the formula has no term '{of}'; its terms are {', '.join(terms)}.")
