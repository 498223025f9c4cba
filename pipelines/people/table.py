"""The participants table of a study."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask import json_text, sex, tabular
from rt1t2_dask.bids import participants as bids
from rt1t2_dask.config.study import Cohort, Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.foreign import how_to_fetch
from rt1t2_dask.pipelines.engine.places import located
from rt1t2_dask.pipelines.people.faults import people_faults
from rt1t2_dask.pipelines.people.file_columns import COLUMNS, file_columns
from rt1t2_dask.pipelines.people.kinds import (
    PERSON,
    SESSION,
    column_of,
    columns_of,
    is_text,
    kind,
    members,
    own_columns,
)
from rt1t2_dask.pipelines.sessions.rows import by_session
from rt1t2_dask.storage.base import AwayError
from rt1t2_dask.storage.stores import Store, open_store

COVARIATE = "covariate:"
# Sex as written where it could not be read; not an output column.
UNREAD_SEX = "unread:sex"
ONSET = "age_at_onset"
SHOWN = 5


@dataclass(frozen=True)
class Person:
    """One person of the cohort.

    Parameters
    ----------
    label : str
        ``sub-…`` as in the participants table.
    group : str
        Name of the group, a key of ``cohort.groups``.
    session : str
        Label of the session where each is a row of its own; else empty.
    """

    label: str
    group: str
    session: str = ""

    @property
    def folder(self) -> str:
        """Folder of the outputs: ``sub-01``, or ``sub-01/ses-1``."""
        own = self.label.removesuffix(f"_ses-{self.session}")
        return f"{own}/ses-{self.session}" if self.session else self.label


def read_people(config: Config, *, every_group: bool = True) -> pd.DataFrame:
    """Read the participants, in table order.

    Parameters
    ----------
    config : Config
    every_group : bool
        Whether each group, and all excluded people, must exist; not required at one of several
        sites.

    Returns
    -------
    DataFrame
        ``participant_id``, ``group``; ``age``, ``age_at_onset`` and ``sex`` where the table has
        them, in capitals or not, ``gender`` in place of sex; ``covariate:NAME`` of each covariate:
        text for identifiers and categories (`Cohort.identifiers`, ``categorical``), M, F or O for
        sex, else numbers where all values are, else text; NaN where the table lacks it and the
        images will tell.

    Raises
    ------
    UserError
        The table or a column is missing, or a group is empty; one line per error.
    """
    return valid_people(read_table(config), config.cohort, every_group)


def valid_people(rows: pd.DataFrame, cohort: Cohort, every_group: bool = True) -> pd.DataFrame:
    """Select the cohort's people, or raise UserError with all errors; see `read_people`."""
    faults = people_faults(rows, cohort, every_group)
    if faults:
        raise UserError("\n".join(faults))
    return chosen_people(rows, cohort)


def read_table(config: Config) -> pd.DataFrame:
    """Read the participants table as text, with codes of sex decoded by its sidecar.

    Raises
    ------
    UserError
        It is missing or not a participants table.
    """
    cohort, store = config.cohort, open_store(config.source.root, config.storage.options())
    root, name = located(config.source.root, cohort.participants)
    try:
        content = open_store(root, config.storage.options()).read(name)
    except AwayError as error:
        raise _away(error) from None
    except FileNotFoundError:
        if "://" not in config.source.root and Path(config.source.root).expanduser().is_file():
            raise UserError(
                f"source.root={config.source.root} is a file; set it to the folder of the dataset."
            ) from None
        there = sorted(store.children(""))[:5]
        found = f"it has {', '.join(there)}" if there else "it is empty or missing"
        raise UserError(
            f"{cohort.participants} is not in source.root={config.source.root} ({found}); "
            "set source.root or cohort.participants."
        ) from None
    if how := how_to_fetch(content):
        raise UserError(
            f"{cohort.participants} is a pointer whose content was not fetched. Fetch it: {how}."
        )
    rows = bids.participants(content, cohort.participants, bool(config.source.sessions))
    sidecar = name.rpartition(".")[0] + ".json"
    rows = _with_levels(rows, _sidecar(open_store(root, config.storage.options()), sidecar))
    return _with_session(rows, config)


def _with_session(rows: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Add the session of each person, if ``source.session`` is a column or a list."""
    if config.source.sessions:
        return by_session(rows, config)
    setting = str(config.source.one_session)
    column = setting[1:-1] if re.fullmatch(r"\{.+\}", setting) else None
    if column is None:
        return rows
    if column not in rows:
        raise UserError(
            f"source.session={setting}: {config.cohort.participants} has no column {column}; it "
            f"has {columns_of(rows)}."
        )
    return rows.assign(**{SESSION: rows[column]})


def _sidecar(store: Store, name: str) -> Mapping[str, Any]:
    """Read the sidecar of the table; empty for none."""
    try:
        found = json_text.parsed(store.read(name))
    except AwayError as error:
        raise _away(error) from None
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(f"{name} is not JSON ({error}); correct it or remove it.") from None
    return found if isinstance(found, Mapping) else {}


def _away(error: AwayError) -> UserError:
    return UserError(f"{error}. Fetch it (datalad get for DataLad).")


def _with_levels(rows: pd.DataFrame, sidecar: Mapping[str, Any]) -> pd.DataFrame:
    for column in _sex_columns(rows):
        described = sidecar.get(column)
        levels = described.get("Levels") if isinstance(described, Mapping) else None
        if isinstance(levels, Mapping):
            rows[column] = sex.with_levels(rows[column], levels)
    return rows


def _sex_columns(rows: pd.DataFrame) -> list[str]:
    return [str(column) for column in rows if str(column).lower() in sex.NAMES]


def some(labels: Sequence[str]) -> str:
    """List the first people."""
    return ", ".join(labels[:SHOWN]) + (", ..." if len(labels) > SHOWN else "")


def people_with_files(rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """Select the cohort's people with the columns that locate their files."""
    own = members(rows, cohort)
    columns = ["participant_id", "group", *file_columns(rows), *own_columns(rows)]
    return own[columns].reset_index(drop=True)


def chosen_people(rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """Select the cohort's people and columns from a valid table; see `read_people`."""
    own = members(rows, cohort)
    table = own[["participant_id", "group"]].copy()
    for column, name in {"age": "age", cohort.onset_column: ONSET}.items():
        if there := column_of(rows, column):
            table[name] = tabular.numbers(own[there], cohort.participants)
    if there := column_of(rows, *sex.NAMES):
        table["sex"], unread = sex.parse(own[there])
        if unread.any():
            table[UNREAD_SEX] = own[there].where(unread)
    for covariate in cohort.columns:
        known = covariate in own
        typed = _typed(own[covariate], kind(covariate, cohort)) if known else np.nan
        table[COVARIATE + covariate] = typed
    for column in (*file_columns(rows), *own_columns(rows)):
        table[column] = own[column]
    return table.reset_index(drop=True)


def _typed(values: pd.Series[str], read_as: str) -> pd.Series[float] | pd.Series[str]:
    if read_as == "sex":
        return sex.parse(values)[0]
    if read_as == "text" or is_text(values):
        return values
    return tabular.parse_numbers(values)[0]


def shown(people: pd.DataFrame) -> pd.DataFrame:
    """Return the participants table for the outputs: covariates under their own names."""
    known = people.drop(columns=[*COLUMNS, PERSON, SESSION, UNREAD_SEX], errors="ignore")
    columns = [str(column) for column in known]
    names = {c: c.removeprefix(COVARIATE) for c in columns if c.startswith(COVARIATE)}
    extra = [column for column, name in names.items() if name in known]
    return known.drop(columns=extra).rename(columns=names)
