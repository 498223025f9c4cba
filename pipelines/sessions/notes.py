"""Notes on sessions that people lack, and on what reads one session of each."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.people.kinds import PERSON, SESSION, excluded, members
from rt1t2_dask.pipelines.people.table import some


def session_notes(config: Config, rows: pd.DataFrame, *, named: bool) -> list[str]:
    """Count people without a session, and say which session stands for a person.

    Parameters
    ----------
    rows : DataFrame
        From `rt1t2_dask.pipelines.people.table.read_table`, without errors.
    named : bool
        Whether labels are listed.
    """
    sessions = config.source.sessions
    if not sessions or PERSON not in rows:
        return []
    own = members(rows, config.cohort)
    asked = rows[config.cohort.group_column].isin(config.cohort.groups.values())
    lost = rows[asked & rows[SESSION].isna() & ~excluded(rows, config.cohort)][PERSON].tolist()
    n = own[PERSON].nunique()
    notes = [
        f"each of the sessions {', '.join(sessions)} is a row of its own: {len(own)} sessions of "
        f"{n} people, and other lines count sessions as people; demographics read each person's "
        f"first, receptors and single patients session {sessions[0]} alone"
    ]
    if lost:
        notes.append(
            f"not studied, without any of the sessions {', '.join(sessions)}: "
            f"{len(lost)}{_people(lost, named)}"
        )
    for session in sessions:
        there = set(own[PERSON][own[SESSION] == session])
        lacking = [person for person in dict.fromkeys(own[PERSON]) if person not in there]
        if lacking:
            notes.append(f"without session {session}: {len(lacking)}{_people(lacking, named)}")
    return notes


def _people(labels: list[str], named: bool) -> str:
    return f" ({some(labels)})" if named else ""
