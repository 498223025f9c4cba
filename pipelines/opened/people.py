"""The participants of a study, as a table and as coordinates of its arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from rt1t2_dask.pipelines.opened.folder import StudyFolder, read_table
from rt1t2_dask.pipelines.outputs.states import PEOPLE
from rt1t2_dask.pipelines.sessions.rows import PERSON_COLUMN, SESSION_COLUMN
from rt1t2_dask.pipelines.sessions.tables import ROWS
from rt1t2_dask.storage.shards import PARTICIPANT

LABEL = "participant_id"
TEXT = ("group", "sex", "site")
NAMES = ("site_column", "protocol_column")
OF_SESSIONS = (PERSON_COLUMN, SESSION_COLUMN)
OF_CONTRASTS = ("pair", "block")
TAKEN = {
    *(PARTICIPANT, "x", "y", "z", "part", "gain", "used", "region", "regions", "label"),
    *("ratio", "smoothed", "lesion", "lesion_template", "contrasts"),
}
"""Names of what studies hold beside people's columns, opened or published."""


def read_people(folder: StudyFolder, cohort: Mapping[str, Any]) -> pd.DataFrame:
    """Read the participants, those who failed included; empty where only sums are known.

    Parameters
    ----------
    folder : StudyFolder
    cohort : mapping
        The cohort's settings, which say what columns are names.
    """
    for path, text in ((ROWS, OF_SESSIONS), (PEOPLE, ())):
        with suppress(FileNotFoundError):
            return read_table(folder.read(path), [*_text_columns(cohort), *text])
    return pd.DataFrame({LABEL: pd.Series(dtype=str)})


def _text_columns(cohort: Mapping[str, Any]) -> list[str]:
    contrasts = (cohort.get("contrasts") or {}).values()
    named = [form.get(name) for form in contrasts for name in OF_CONTRASTS]
    named += [cohort.get(name) for name in NAMES]
    return [*TEXT, *(cohort.get("categorical") or ()), *(name for name in named if name)]


def coordinates(
    people: pd.DataFrame, labels: Sequence[str], taken: Collection[str] = ()
) -> dict[str, xr.Variable]:
    """Return every column of the participants as a coordinate along ``participant``.

    Parameters
    ----------
    people : DataFrame
    labels : sequence of str
        Whose values, in the order of the array.
    taken : collection of str
        Names of the dataset's own beside `TAKEN`; a column of such a name begins with
        ``participant_``.
    """
    rows = people.set_index(LABEL).reindex(list(labels))
    found = {PARTICIPANT: xr.Variable(PARTICIPANT, np.asarray(labels, dtype=np.object_))}
    own = {*TAKEN, *taken}
    kept = {*map(str, rows.columns)} - own
    for column in map(str, rows.columns):
        name = column if column in kept else free_name(column, own | kept | found.keys())
        found[name] = xr.Variable(PARTICIPANT, plain_values(rows[column]))
    return found


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name, with ``participant_`` before it as often as it is taken."""
    while name in taken:
        name = f"{PARTICIPANT}_{name}"
    return name


def plain_values(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Return a column as numbers or as text; empty text where it is missing."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    return np.asarray(column.fillna("").astype(str), dtype=np.object_)
