"""Columns read of the people: type, levels or range, and missing values."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pandas as pd

from rt1t2_dask.config.study import Cohort
from rt1t2_dask.pipelines.people.table import COVARIATE, ONSET, UNREAD_SEX
from rt1t2_dask.stats.covariates import is_number

log = logging.getLogger("rt1t2_dask")
COLUMNS = ("column", "read_as", "values", "known")
LEVELS_SHOWN = 12
UNREAD_HINT = "define them in participants.json, sex.Levels"


def columns_read(people: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """Describe every column that was read.

    Parameters
    ----------
    people : DataFrame
        From `rt1t2_dask.pipelines.people.table.read_people`.
    cohort : Cohort

    Returns
    -------
    DataFrame
        ``column``, ``read_as`` (groups, number, levels or name), ``values`` (range, or levels with
        how many people have each), ``known`` (people of each group with a value). Levels that
        identify most people are counted, not listed.
    """
    given = {"group": "group", "age": "age", ONSET: cohort.onset_column, "sex": "sex"}
    found = {column: name for column, name in given.items() if column in people}
    covariates = {
        str(c): str(c).removeprefix(COVARIATE) for c in people if str(c).startswith(COVARIATE)
    }
    found |= {c: name for c, name in covariates.items() if name not in found.values()}
    rows = [_row(people, column, name, cohort) for column, name in found.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def lines_read(people: pd.DataFrame, cohort: Cohort) -> list[str]:
    """Describe each column in one line, without labels of people."""
    return [
        f"column {row['column']}, read as {row['read_as']}: {row['values']} (known: {row['known']})"
        for row in columns_read(people, cohort).to_dict("records")
    ]


def log_read(people: pd.DataFrame, cohort: Cohort) -> None:
    """Log `lines_read`."""
    for line in lines_read(people, cohort):
        log.info("%s", line)


def _row(people: pd.DataFrame, column: str, name: str, cohort: Cohort) -> tuple[str, ...]:
    values = people[column]
    known = values.notna().groupby(people["group"], sort=False).sum()
    counted = ", ".join(f"{known[g]} {g}" for g in cohort.groups if g in known)
    telling = column not in ("group", "sex") and name not in ("sex", cohort.site)
    text = _text(values.dropna(), telling)
    text += _unread(people) if column == "sex" and UNREAD_SEX in people else ""
    return name, _read_as(values, column, name, cohort), text, counted


def _read_as(values: pd.Series[Any], column: str, name: str, cohort: Cohort) -> str:
    if column == "group":
        return "groups"
    if name in cohort.identifiers:
        return "name"
    return "number" if is_number(values) else "levels"


def _text(known: pd.Series[Any], telling: bool) -> str:
    """Describe the range or levels; only their number where they could identify people."""
    if not len(known):
        return "none"
    if is_number(known):
        return f"{known.min():g} to {known.max():g}"
    counts = known.value_counts(sort=False)
    if len(counts) > LEVELS_SHOWN or (telling and 2 * len(counts) > len(known)):
        return f"{len(counts)} levels"
    return _counted([(str(level), int(n)) for level, n in counts.items()])


def _unread(people: pd.DataFrame) -> str:
    counts = people[UNREAD_SEX].value_counts(sort=False)
    listed = _counted([(repr(str(cell)), int(n)) for cell, n in counts.items()][:LEVELS_SHOWN])
    return f"; not understood {listed}: {UNREAD_HINT}"


def _counted(levels: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{level} ({n})" for level, n in sorted(levels))
