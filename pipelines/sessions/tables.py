"""Tables of the output folder where people have several sessions."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.bids.participants import SESSION_ID
from rt1t2_dask.pipelines.people.kinds import PERSON, SESSION
from rt1t2_dask.pipelines.people.table import shown
from rt1t2_dask.pipelines.sessions.rows import PERSON_COLUMN, SESSION_COLUMN

ROWS = "group/sessions.tsv"
"""Every session as a row of its own, by the label that the other tables of the group use."""
LABEL = "participant_id"


def of_people(people: pd.DataFrame) -> pd.DataFrame:
    """Return one row a person, as BIDS asks of ``participants.tsv``.

    Parameters
    ----------
    people : DataFrame
        With a row a session, or a person.

    Returns
    -------
    DataFrame
        Without the columns whose values differ between the sessions of anybody.
    """
    if PERSON not in people:
        return people
    columns = [str(column) for column in people if column not in (LABEL, PERSON, SESSION)]
    each = people.groupby(PERSON, sort=False)
    same = [column for column in columns if each[column].nunique(dropna=False).max() <= 1]
    found = each.first()[same].reset_index().rename(columns={PERSON: LABEL})
    return found[[LABEL, *same]]


def session_tables(people: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the tables of sessions by path: of each person as BIDS, and of all; else none."""
    if PERSON not in people:
        return {}
    rows = shown(people).drop(columns=[PERSON_COLUMN, SESSION_COLUMN], errors="ignore")
    tables = {ROWS: with_sessions(rows, people)}
    own = rows.assign(**{SESSION_ID: "ses-" + people[SESSION].astype(str)})
    columns = [SESSION_ID, *(name for name in rows if name != LABEL)]
    for person, each in own.groupby(people[PERSON], sort=False):
        tables[f"{person}/{person}_sessions.tsv"] = each[columns]
    return tables


def with_sessions(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Add whose session a row is, and which, to a table with a label of each session.

    Parameters
    ----------
    rows : DataFrame
    people : DataFrame
        With a row a session; of people with a row each the table stays as it is.
    """
    if PERSON not in people or LABEL not in rows or PERSON_COLUMN in rows:
        return rows
    known = people.set_index(LABEL)
    found, at = rows.copy(), list(rows.columns).index(LABEL)
    for k, (name, column) in enumerate(((PERSON_COLUMN, PERSON), (SESSION_COLUMN, SESSION))):
        found.insert(at + 1 + k, name, known[column].reindex(rows[LABEL]).to_numpy())
    return found
