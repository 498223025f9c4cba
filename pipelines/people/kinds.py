"""Select the cohort's people from a table, and the type of each column."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from rt1t2_dask import sex, tabular
from rt1t2_dask.config.study import Cohort

# A person's session, from the column or the list of source.session; not an output column.
SESSION = "source:session"
# Whose session a row is, where source.session lists several; not an output column.
PERSON = "source:person"


def column_of(rows: pd.DataFrame, *names: str) -> str | None:
    """Return the column of a name, ignoring case; None for none."""
    for name in names:
        alike = [str(column) for column in rows if str(column).casefold() == name.casefold()]
        if alike:
            return name if name in alike else alike[0]
    return None


def listed_out(cohort: Cohort) -> set[str]:
    """Return the labels of ``cohort.exclude``, as in the table."""
    return {"sub-" + label.removeprefix("sub-") for label in cohort.exclude}


def excluded_labels(cohort: Cohort) -> set[str]:
    """Return the labels of ``cohort.exclude`` and of those whom a rater excludes."""
    return listed_out(cohort) | cohort.rated_out


def members(rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """Keep the rows of the cohort's people, with ``group`` as named in the cohort file."""
    values = rows[cohort.group_column]
    groups = values.map({value: name for name, value in cohort.groups.items()})
    kept = groups.notna() & ~excluded(rows, cohort) & ~without_session(rows)
    return rows.assign(group=groups)[kept]


def without_session(rows: pd.DataFrame) -> pd.Series[bool]:
    """Return which people have none of the sessions that are studied."""
    if PERSON in rows:
        return rows[SESSION].isna()
    return pd.Series(False, rows.index)


def persons_of(rows: pd.DataFrame) -> pd.Series[str]:
    """Return the person of each row: of one session of theirs, or theirs alone."""
    return rows[PERSON] if PERSON in rows else rows["participant_id"]


def excluded(rows: pd.DataFrame, cohort: Cohort) -> pd.Series[bool]:
    """Return which rows are left out by list or rating: people, or single sessions of theirs."""
    return among(rows, excluded_labels(cohort))


def among(rows: pd.DataFrame, labels: Collection[str]) -> pd.Series[bool]:
    """Return which rows are of these labels: of people, or of single sessions of theirs."""
    return rows["participant_id"].isin(labels) | persons_of(rows).isin(labels)


def own_columns(rows: pd.DataFrame) -> list[str]:
    """Return the columns that are read beside those of the table: person and session."""
    return [column for column in (PERSON, SESSION) if column in rows]


def kind(column: str, cohort: Cohort) -> str:
    """Return how a covariate is read: "text" as written, "sex", or "any" by its values."""
    if column in cohort.identifiers or column in cohort.categorical:
        return "text"
    return "sex" if column.lower() in sex.NAMES else "any"


def is_text(values: pd.Series[str]) -> bool:
    """Return whether no value is a number or looks like one."""
    found, wrong = tabular.parse_numbers(values)
    number = found.notna().any() or values[wrong].map(tabular.is_like_number).any()
    return bool(wrong.any()) and not bool(number)


def columns_of(rows: pd.DataFrame) -> str:
    """List the columns of a table."""
    return ", ".join(str(column) for column in rows if column not in (SESSION, PERSON))
