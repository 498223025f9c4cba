"""Who takes part: the participants table of a study."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rt1t2_dask import bids, sex, tabular
from rt1t2_dask.config import Cohort, Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.foreign import how_to_fetch
from rt1t2_dask.pipelines.places import located
from rt1t2_dask.storage.base import AwayError
from rt1t2_dask.storage.stores import Store, open_store

COVARIATE = "covariate:"
FILE_COLUMNS = ("map", "mask", "lesion")
# What is written of sex where it could not be read; a column of the people, never of the outputs.
UNREAD_SEX = "unread:sex"
ONSET = "age_at_onset"
SHOWN = 5
AS_TEXT = ", or name the column in cohort.categorical where it is text"
SEX_CODES = (
    'say in participants.json what each stands for, as {"sex": {"Levels": {"1": "male", '
    '"2": "female"}}}, or name the column in cohort.categorical'
)


@dataclass(frozen=True)
class Person:
    """One person of the cohort.

    Parameters
    ----------
    label : str
        ``sub-…`` as in the participants table.
    group : str
        Our name of the group, a key of ``cohort.groups``.
    """

    label: str
    group: str


def read_people(config: Config, *, every_group: bool = True) -> pd.DataFrame:
    """Read who takes part, in the order of the table.

    Parameters
    ----------
    config : Config
    every_group : bool
        Whether each group, and everybody excluded, must be there; at one of several sites they
        need not.

    Returns
    -------
    DataFrame
        ``participant_id``, ``group`` (our names); ``age``, ``age_at_onset`` and ``sex`` where the
        table has them; ``covariate:NAME`` of each covariate: text where the cohort says that it
        names something (`Cohort.identifiers`, ``categorical``), M, F or O for sex, else numbers
        where all values are, else text.

    Raises
    ------
    UserError
        When the table or a column is missing, or a group has nobody; one line a fault.
    """
    return sound_people(read_table(config), config.cohort, every_group)


def sound_people(rows: pd.DataFrame, cohort: Cohort, every_group: bool = True) -> pd.DataFrame:
    """Choose the cohort's people, or raise UserError with every fault; see `read_people`."""
    faults = people_faults(rows, cohort, every_group)
    if faults:
        raise UserError("\n".join(faults))
    return chosen_people(rows, cohort)


def read_table(config: Config) -> pd.DataFrame:
    """Read the participants table as it is, all text; codes of sex as its sidecar explains them.

    Raises
    ------
    UserError
        When it is missing or no table of participants.
    """
    cohort, store = config.cohort, open_store(config.source.root, config.storage.options())
    root, name = located(config.source.root, cohort.participants)
    try:
        content = open_store(root, config.storage.options()).read(name)
    except AwayError as error:
        raise _away(error) from None
    except FileNotFoundError:
        there = sorted(store.children(""))[:5]
        found = f"it has {', '.join(there)}" if there else "nothing is there"
        raise UserError(
            f"{cohort.participants} is not in source.root={config.source.root} ({found}); "
            "set source.root or cohort.participants."
        ) from None
    if how := how_to_fetch(content):
        raise UserError(
            f"{cohort.participants} is a pointer, its content is not here. Fetch it: {how}."
        )
    rows = bids.participants(content, cohort.participants)
    sidecar = name.rpartition(".")[0] + ".json"
    return _with_levels(rows, _sidecar(open_store(root, config.storage.options()), sidecar))


def _sidecar(store: Store, name: str) -> Mapping[str, Any]:
    """Read what describes the table's columns; empty where nothing does."""
    try:
        found = json.loads(store.read(name).decode("utf-8-sig"))
    except AwayError as error:
        raise _away(error) from None
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(f"{name} is no JSON ({error}); correct it or remove it.") from None
    return found if isinstance(found, Mapping) else {}


def _away(error: AwayError) -> UserError:
    return UserError(f"{error}. Bring it, by datalad get where DataLad made the link.")


def _with_levels(rows: pd.DataFrame, sidecar: Mapping[str, Any]) -> pd.DataFrame:
    for column in _sex_columns(rows):
        described = sidecar.get(column)
        levels = described.get("Levels") if isinstance(described, Mapping) else None
        if isinstance(levels, Mapping):
            rows[column] = sex.with_levels(rows[column], levels)
    return rows


def _sex_columns(rows: pd.DataFrame) -> list[str]:
    return [str(column) for column in rows if str(column).lower() in sex.NAMES]


def people_faults(rows: pd.DataFrame, cohort: Cohort, every_group: bool = True) -> list[str]:
    """Say all that is wrong with a participants table, one line a fault."""
    faults = []
    if cohort.group_column in rows:
        faults += _member_faults(rows, cohort) if every_group else []
    else:
        faults.append(
            f"{cohort.participants} has no column {cohort.group_column} "
            f"(cohort.group_column); it has {', '.join(rows.columns)}."
        )
    faults += [
        f"the cohort's contrasts name {covariate}, which is no column of "
        f"{cohort.participants}; it has {', '.join(rows.columns)}."
        for covariate in cohort.columns
        if covariate not in rows
    ]
    return faults + _value_faults(rows, cohort)


def _value_faults(rows: pd.DataFrame, cohort: Cohort) -> list[str]:
    """Say which labels and values of the cohort's people cannot be used."""
    known = cohort.group_column in rows
    members = _members(rows, cohort) if known else rows.iloc[:0]
    faults = bids.label_faults(members["participant_id"], cohort.participants)
    labels = dict(zip(members.index, members["participant_id"], strict=True))
    wanted = {column: "" for column in ("age", cohort.onset_column) if column in rows}
    for column in (c for c in cohort.columns if c in rows and _kind(c, cohort) != "text"):
        if _kind(column, cohort) == "sex":
            faults += _sex_faults(members, column, cohort, labels)
        elif not _is_text(members[column]):
            wanted[column] = AS_TEXT
    for column, hint in wanted.items():
        try:
            tabular.numbers(members[column], cohort.participants, labels, hint)
        except UserError as error:
            faults.append(str(error))
    return faults


def _sex_faults(
    members: pd.DataFrame, column: str, cohort: Cohort, labels: Mapping[int, str]
) -> list[str]:
    unread = members[column][sex.parse(members[column])[1]]
    if not len(unread):
        return []
    row = int(unread.index[0])
    return [
        f"{cohort.participants}: {column}={unread[row]!r} in row {row} ({labels[row]}) is not "
        f"known, {len(unread)} such rows; {SEX_CODES}."
    ]


def _kind(column: str, cohort: Cohort) -> str:
    """Say how a covariate is read: "text" as written, "sex", or "any" by its values."""
    if column in cohort.identifiers or column in cohort.categorical:
        return "text"
    return "sex" if column.lower() in sex.NAMES else "any"


def _is_text(values: pd.Series[str]) -> bool:
    """Tell whether no value that is there is a number."""
    found, wrong = tabular.parse_numbers(values)
    return bool(wrong.any()) and not bool(found.notna().any())


def _member_faults(rows: pd.DataFrame, cohort: Cohort) -> list[str]:
    unknown = excluded_labels(cohort) - set(rows["participant_id"])
    faults = []
    if unknown:
        faults.append(
            f"cohort.exclude names {len(unknown)} who are not in {cohort.participants}: "
            f"{', '.join(sorted(unknown))}."
        )
    values, members = rows[cohort.group_column], _members(rows, cohort)
    seen = ", ".join(sorted(values.dropna().unique())) or "none"
    return faults + [
        f"cohort.groups.{name}={value}: nobody in column {cohort.group_column} of "
        f"{cohort.participants} has it; values there: {seen}{_nearly(value, values)}."
        for name, value in cohort.groups.items()
        if not (members["group"] == name).any()
    ]


def _nearly(value: str, values: pd.Series[str]) -> str:
    """Say why a value that looks alike is another one."""
    if value in tabular.MISSING:
        return f" ({value} is read as missing; rename the group in the table)"
    there = [str(seen) for seen in values.dropna()]
    if value.casefold() in {seen.casefold() for seen in there}:
        return " (small and capital letters differ)"
    if value.isdigit() and value.lstrip("0") in {s.lstrip("0") for s in there if s.isdigit()}:
        return " (01 and 1 differ; write the value in quotes)"
    return ""


def excluded_labels(cohort: Cohort) -> set[str]:
    """Return the labels of ``cohort.exclude``, as the table writes them."""
    return {"sub-" + label.removeprefix("sub-") for label in cohort.exclude}


def some(labels: Sequence[str]) -> str:
    """Name the first people of a list."""
    return ", ".join(labels[:SHOWN]) + (", ..." if len(labels) > SHOWN else "")


def _members(rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    values = rows[cohort.group_column]
    groups = values.map({value: name for name, value in cohort.groups.items()})
    kept = groups.notna() & ~rows["participant_id"].isin(excluded_labels(cohort))
    return rows.assign(group=groups)[kept]


def chosen_people(rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """Choose the cohort's people and columns from a table without faults; see `read_people`."""
    members = _members(rows, cohort)
    table = members[["participant_id", "group"]].copy()
    for column, name in {"age": "age", cohort.onset_column: ONSET}.items():
        if column in rows:
            table[name] = tabular.numbers(members[column], cohort.participants)
    if "sex" in rows:
        table["sex"], unread = sex.parse(members["sex"])
        if unread.any():
            table[UNREAD_SEX] = members["sex"].where(unread)
    for covariate in cohort.columns:
        table[COVARIATE + covariate] = _typed(members[covariate], _kind(covariate, cohort))
    for column in FILE_COLUMNS:
        if column in rows:
            table[column] = members[column]
    return table.reset_index(drop=True)


def _typed(values: pd.Series[str], kind: str) -> pd.Series[float] | pd.Series[str]:
    if kind == "sex":
        return sex.parse(values)[0]
    if kind == "text" or _is_text(values):
        return values
    return tabular.parse_numbers(values)[0]


def shown(people: pd.DataFrame) -> pd.DataFrame:
    """Give the participants table as the outputs show it: covariates under their own names."""
    known = people.drop(columns=[*FILE_COLUMNS, UNREAD_SEX], errors="ignore")
    columns = [str(column) for column in known]
    names = {c: c.removeprefix(COVARIATE) for c in columns if c.startswith(COVARIATE)}
    extra = [column for column, name in names.items() if name in known]
    return known.drop(columns=extra).rename(columns=names)
