"""One session of each person, for what counts people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from rt1t2_dask.config.contrasts import Form
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.people.kinds import PERSON, SESSION

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.images.plan import PersonPlan


def each_once(people: pd.DataFrame) -> pd.DataFrame:
    """Return one row a person, that of the first session there is, for what describes people."""
    return people if PERSON not in people else people.drop_duplicates(PERSON)


def first_session(
    config: Config, rows: pd.DataFrame, plans: Sequence[PersonPlan]
) -> tuple[pd.DataFrame, tuple[PersonPlan, ...]]:
    """Return rows and plans of the first session that ``source.session`` lists.

    Parameters
    ----------
    rows : DataFrame
    plans : sequence of PersonPlan
        Theirs, in the same order.
    """
    sessions = config.source.sessions
    if not sessions:
        return rows, tuple(plans)
    kept = [k for k, plan in enumerate(plans) if plan.person.session == sessions[0]]
    return rows.iloc[kept].reset_index(drop=True), tuple(plans[k] for k in kept)


def rows_read(form: Form, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each person whom a contrast reads: who has all sessions that it names."""
    if not form.sessions_read or PERSON not in rows:
        return rows
    first, *others = form.sessions_read
    found = rows[rows[SESSION] == first]
    for session in others:
        found = found[found[PERSON].isin(rows[PERSON][rows[SESSION] == session])]
    return found


def unpaired_note(name: str, form: Form, rows: pd.DataFrame) -> list[str]:
    """Return a note on people without one of the two sessions that a contrast compares."""
    own = rows[rows["group"].isin(form.members or rows["group"].unique())]
    own = own[own[SESSION].isin(form.sessions_read)]
    alone = own[PERSON].nunique() - len(rows_read(form, own))
    people = "1 person" if alone == 1 else f"{alone} people"
    both = " and ".join(form.sessions_read)
    note = f"Contrast {name} leaves out {people} without both of the sessions {both}."
    return [note] if alone else []
