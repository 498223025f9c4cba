"""Who takes part: the participants table of a study."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from rt1t2_dask import bids
from rt1t2_dask.config import Cohort, Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.places import located
from rt1t2_dask.storage.stores import open_store

COVARIATE = "covariate:"
FILE_COLUMNS = ("map", "mask", "lesion")


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
        Whether each group, and everybody excluded, must be there, as at one site of several
        they need not.

    Returns
    -------
    DataFrame
        ``participant_id``, ``group`` (our names), ``age`` and ``sex`` where the table has them,
        and ``covariate:NAME`` of each covariate: numbers where all values are, else text.

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
    """Read the participants table as it is, all text.

    Raises
    ------
    UserError
        When it is missing or no table of participants.
    """
    cohort, store = config.cohort, open_store(config.source.root, config.storage.options())
    root, name = located(config.source.root, cohort.participants)
    try:
        content = open_store(root, config.storage.options()).read(name)
    except FileNotFoundError:
        there = sorted(store.children(""))[:5]
        found = f"it has {', '.join(there)}" if there else "nothing is there"
        raise UserError(
            f"{cohort.participants} is not in source.root={config.source.root} ({found}); "
            "set source.root or cohort.participants."
        ) from None
    return bids.participants(content, cohort.participants)


def unknown_labels(config: Config) -> set[str]:
    """Give the labels of ``cohort.exclude`` that the participants table does not have."""
    excluded = _excluded(config.cohort)
    return excluded - set(read_table(config)["participant_id"]) if excluded else set()


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
    if "age" in rows:
        try:
            bids.numbers(rows, "age", cohort.participants)
        except UserError as error:
            faults.append(str(error))
    return faults


def _member_faults(rows: pd.DataFrame, cohort: Cohort) -> list[str]:
    unknown = _excluded(cohort) - set(rows["participant_id"])
    faults = []
    if unknown:
        faults.append(
            f"cohort.exclude names {len(unknown)} who are not in {cohort.participants}: "
            f"{', '.join(sorted(unknown))}."
        )
    values, members = rows[cohort.group_column].str.strip(), _members(rows, cohort)
    seen = ", ".join(sorted(values.dropna().unique())) or "none"
    return faults + [
        f"cohort.groups.{name}={value}: nobody in column {cohort.group_column} of "
        f"{cohort.participants} has it; values there: {seen}{_small_and_capital(value, values)}."
        for name, value in cohort.groups.items()
        if not (members["group"] == name).any()
    ]


def _small_and_capital(value: str, values: pd.Series[str]) -> str:
    folded = {str(seen).casefold() for seen in values.dropna()}
    return " (small and capital letters differ)" if value.casefold() in folded else ""


def _excluded(cohort: Cohort) -> set[str]:
    return {"sub-" + label.removeprefix("sub-") for label in cohort.exclude}


def _members(rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    values = rows[cohort.group_column].str.strip()
    groups = values.map({value: name for name, value in cohort.groups.items()})
    kept = groups.notna() & ~rows["participant_id"].isin(_excluded(cohort))
    return rows.assign(group=groups)[kept]


def chosen_people(rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """Choose the cohort's people and columns from a table without faults; see `read_people`."""
    members = _members(rows, cohort)
    table = members[["participant_id", "group"]].copy()
    if "age" in rows:
        table["age"] = bids.numbers(members, "age", cohort.participants)
    if "sex" in rows:
        table["sex"] = bids.sexes(members)
    for covariate in cohort.columns:
        table[COVARIATE + covariate] = _number_or_text(members[covariate])
    for column in FILE_COLUMNS:
        if column in rows:
            table[column] = members[column]
    return table.reset_index(drop=True)


def _number_or_text(values: pd.Series[str]) -> pd.Series[float] | pd.Series[str]:
    as_numbers = pd.to_numeric(values, errors="coerce")
    all_numbers = bool((as_numbers.notna() | values.isna()).all())
    return as_numbers.astype(float) if all_numbers else values


def shown(people: pd.DataFrame) -> pd.DataFrame:
    """Give the participants table as the outputs show it: covariates under their own names."""
    known = people.drop(columns=list(FILE_COLUMNS), errors="ignore")
    columns = [str(column) for column in known]
    names = {c: c.removeprefix(COVARIATE) for c in columns if c.startswith(COVARIATE)}
    extra = [column for column, name in names.items() if name in known]
    return known.drop(columns=extra).rename(columns=names)
