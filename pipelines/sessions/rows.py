"""The participants table with a row for each session of a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rt1t2_dask import tabular
from rt1t2_dask.bids.participants import SESSION_ID
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.people.file_columns import COLUMNS, file_columns
from rt1t2_dask.pipelines.people.folders import as_on_disk, top_names
from rt1t2_dask.pipelines.people.kinds import PERSON, SESSION
from rt1t2_dask.pipelines.people.source import source_of
from rt1t2_dask.storage.stores import Store

PERSON_COLUMN, SESSION_COLUMN = "person", "session"
"""Columns that contrasts may name."""


def by_session(rows: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return a row for each session that a person has of those that ``source.session`` lists.

    Parameters
    ----------
    rows : DataFrame
        Participants table, all text, one row a person, or a session with a column ``session_id``.

    Returns
    -------
    DataFrame
        ``participant_id`` is ``sub-01_ses-1``; ``person`` and ``session`` are added, and what
        ``sub-01_sessions.tsv`` says of the session replaces what the table says of the person.
        People outside the groups, and those without any, keep one row without a session.

    Raises
    ------
    UserError
        Nobody has one of the sessions, or a column is taken.
    """
    require_free(rows, config)
    column = config.cohort.group_column
    studied = rows[rows[column].isin(config.cohort.groups.values())] if column in rows else rows
    return _expanded(rows, studied["participant_id"].tolist(), config)


def all_sessions(people: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return a row for each session of everybody who has one, without a participants table."""
    found = _expanded(people, people["participant_id"].tolist(), config)
    return found[found[SESSION].notna()].reset_index(drop=True)


def _expanded(rows: pd.DataFrame, studied: Sequence[str], config: Config) -> pd.DataFrame:
    source, top, wanted = source_of(config), top_names(config), config.source.sessions
    labels = {label: as_on_disk(label, top) for label in studied}
    there = {label: source.sessions_there(on_disk, top) for label, on_disk in labels.items()}
    own = {label: [one for one in wanted if one in found] for label, found in there.items()}
    require_somebody(own, config)
    found = _listed(rows, own) if SESSION_ID in rows else with_rows(rows, own)
    for label, on_disk in labels.items():
        found = _of_sessions(found, label, source.store, f"{on_disk}/{on_disk}_sessions.tsv")
    _require_own_files(found, config)
    return found


def require_free(rows: pd.DataFrame, config: Config) -> None:
    """Refuse a table whose columns have the names that sessions add."""
    taken = [name for name in (PERSON_COLUMN, SESSION_COLUMN) if name in rows]
    if taken:
        raise UserError(
            f"{config.cohort.participants} has a column {taken[0]}, which source.session="
            f"[{', '.join(config.source.sessions)}] adds; rename it in the table."
        )


def require_somebody(own: Mapping[str, Sequence[str]], config: Config) -> None:
    """Refuse a session that nobody has."""
    for session in config.source.sessions:
        if not any(session in sessions for sessions in own.values()):
            raise UserError(
                f"source.session=[{', '.join(config.source.sessions)}]: none of {len(own)} people "
                f"has session {session} in source.root={config.source.root}; correct the list."
            )


def with_rows(rows: pd.DataFrame, own: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Repeat rows for sessions.

    Parameters
    ----------
    rows : DataFrame
        One row a person.
    own : mapping of str to sequence of str
        Sessions by label; people without any keep one row.

    Returns
    -------
    DataFrame
        The index stays that of the first session, and goes on after the last row for others.
    """
    nobody: Sequence[str | None] = [None]
    each = [
        (place, session)
        for place, label in enumerate(rows["participant_id"].tolist())
        for session in own.get(label) or nobody
    ]
    found = rows.iloc[[place for place, _ in each]]
    found = _labelled(found, [session for _, session in each])
    return found.set_axis(_lines(found.index), axis="index")


def _labelled(rows: pd.DataFrame, sessions: Sequence[str | None]) -> pd.DataFrame:
    """Add whose session each row is, and which, with a label of its own."""
    persons = rows["participant_id"].tolist()
    both = zip(persons, sessions, strict=True)
    labels = [person if one is None else row_label(person, one) for person, one in both]
    found = rows.assign(participant_id=labels, **{PERSON: persons, SESSION: list(sessions)})
    return found.assign(**{PERSON_COLUMN: found[PERSON], SESSION_COLUMN: found[SESSION]})


def _listed(rows: pd.DataFrame, own: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Keep the rows of a table with a row a session; parameters and result as `with_rows`."""
    sessions = rows[SESSION_ID].astype(str).str.removeprefix("ses-")
    pairs = zip(rows["participant_id"], sessions, strict=True)
    there = np.array([session in own.get(label, ()) for label, session in pairs], bool)
    lost = ~rows["participant_id"].isin(rows["participant_id"][there])
    kept = there | (lost & ~rows["participant_id"].duplicated()).to_numpy()
    return _labelled(rows[kept], sessions.where(there, None)[kept].tolist())


def row_label(person: str, session: str) -> str:
    """Return the label of a session of a person, as in the names of BIDS."""
    return f"{person}_ses-{session}"


def sessions_of(people: pd.DataFrame) -> dict[str, str]:
    """Return the session of each row by its label; empty where people are one row each."""
    if PERSON not in people:
        return {}
    return dict(zip(people["participant_id"], people[SESSION], strict=True))


def _lines(index: pd.Index[int]) -> list[int]:
    """Keep the line of each first row; number the others on after the last line."""
    following = iter(range(int(index.max()) + 1, int(index.max()) + 1 + len(index)))
    again = index.duplicated()
    return [next(following) if more else int(k) for k, more in zip(index, again, strict=True)]


def _of_sessions(rows: pd.DataFrame, label: str, store: Store, path: str) -> pd.DataFrame:
    """Replace values of a person by those of each session, where a table of sessions has them."""
    try:
        table = tabular.read(store.read(path), path, tabular.TAB)
    except FileNotFoundError:
        return rows
    if SESSION_ID not in table:
        raise UserError(f"{path} has no column session_id; it has {', '.join(map(str, table))}.")
    known = table[SESSION_ID].astype(str).str.removeprefix("ses-")
    if known.duplicated().any():
        again = known[known.duplicated()].iloc[0]
        raise UserError(f"{path} repeats session {again}; keep one row for each.")
    values = table.set_axis(known, axis="index").drop(columns=SESSION_ID)
    taken = {"participant_id", PERSON_COLUMN, SESSION_COLUMN}
    own = rows[PERSON].eq(label) & rows[SESSION].isin(known)
    rows = rows.copy()
    for column in (str(name) for name in values if name not in taken):
        if column not in rows:
            rows[column] = pd.Series(float("nan"), rows.index, dtype=object)
        rows.loc[own, column] = values[column].reindex(rows.loc[own, SESSION]).to_numpy()
    return rows


def _require_own_files(rows: pd.DataFrame, config: Config) -> None:
    """Refuse one file for several sessions of a person: each has scans of its own."""
    for column in (name for name in file_columns(rows) if name in COLUMNS):
        named = rows.dropna(subset=[column])
        again = named[named.duplicated([PERSON, column])]
        if len(again):
            raise UserError(
                f"{config.cohort.participants}: column {column} names one file for several "
                f"sessions of {again[PERSON].iloc[0]}; name each in a column {column} of "
                "sub-..._sessions.tsv."
            )
