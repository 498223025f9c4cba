"""Who takes part: the participants table of a study and each person's input files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from rt1t2_dask import bids
from rt1t2_dask.config import BidsSource, Cohort, Config, MapsSource
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.pipelines.stage import InputFile
from rt1t2_dask.storage.keys import checksum
from rt1t2_dask.storage.stores import Store, open_store

COVARIATE = "covariate:"
MAP_NAME = "{}_T1wT2wratio.nii.gz"


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


def read_people(config: Config) -> pd.DataFrame:
    """Read who takes part, in the order of the table.

    Returns
    -------
    DataFrame
        ``participant_id``, ``group`` (our names), ``age`` and ``sex`` where the table has them,
        and ``covariate:NAME`` of each covariate: numbers where all values are, else text.

    Raises
    ------
    UserError
        When the table or a column is missing, or a group has nobody.
    """
    cohort, store = config.cohort, open_store(config.source.root, config.storage.options())
    try:
        content = store.read(cohort.participants)
    except FileNotFoundError:
        raise UserError(
            f"{cohort.participants} is not in source.root={config.source.root}; "
            "set source.root or cohort.participants."
        ) from None
    rows = bids.participants(content, cohort.participants)
    return _columns(_members(rows, cohort), rows, cohort)


def _members(rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    if cohort.group_column not in rows:
        raise UserError(
            f"{cohort.participants} has no column {cohort.group_column} "
            f"(cohort.group_column); it has {', '.join(rows.columns)}."
        )
    values = rows[cohort.group_column].str.strip()
    groups = values.map({value: name for name, value in cohort.groups.items()})
    excluded = {"sub-" + label.removeprefix("sub-") for label in cohort.exclude}
    unknown = excluded - set(rows["participant_id"])
    if unknown:
        raise UserError(
            f"cohort.exclude names {len(unknown)} who are not in {cohort.participants}: "
            f"{', '.join(sorted(unknown))}."
        )
    members = rows.assign(group=groups)[groups.notna() & ~rows["participant_id"].isin(excluded)]
    for name, value in cohort.groups.items():
        if not (members["group"] == name).any():
            seen = ", ".join(sorted(values.dropna().unique()))
            raise UserError(
                f"cohort.groups.{name}={value}: nobody in column {cohort.group_column} of "
                f"{cohort.participants} has it; values there: {seen}."
            )
    return members


def _columns(members: pd.DataFrame, rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    table = members[["participant_id", "group"]].copy()
    if "age" in rows:
        table["age"] = bids.numbers(members, "age", cohort.participants)
    if "sex" in rows:
        table["sex"] = bids.sexes(members)
    for covariate in cohort.covariates:
        if covariate not in rows:
            raise UserError(
                f"cohort.covariates names {covariate}, which is no column of "
                f"{cohort.participants}; it has {', '.join(rows.columns)}."
            )
        table[COVARIATE + covariate] = _number_or_text(members[covariate])
    for column in ("map", "mask"):
        if column in rows:
            table[column] = members[column]
    return table.reset_index(drop=True)


def _number_or_text(values: pd.Series[str]) -> pd.Series[float] | pd.Series[str]:
    as_numbers = pd.to_numeric(values, errors="coerce")
    all_numbers = bool((as_numbers.notna() | values.isna()).all())
    return as_numbers.astype(float) if all_numbers else values


def input_files(config: Config, row: Mapping[str, str]) -> dict[str, InputFile]:
    """Find one person's files and their checksums.

    Raises
    ------
    SubjectError
        When a file is missing or the choice is not clear.
    """
    store = open_store(config.source.root, config.storage.options())
    if isinstance(config.source, MapsSource):
        paths = _map_paths(row)
    else:
        paths = _scan_paths(config, store, row["participant_id"])
    return {role: _known(store, config, path) for role, path in paths.items()}


def _map_paths(row: Mapping[str, str]) -> dict[str, str]:
    path = row.get("map")
    paths = {"map": path if isinstance(path, str) else MAP_NAME.format(row["participant_id"])}
    mask = row.get("mask")
    return paths | ({"mask": mask} if isinstance(mask, str) else {})


def _scan_paths(config: Config, store: Store, label: str) -> dict[str, str]:
    session = config.source.session if isinstance(config.source, BidsSource) else None
    run = config.source.run if isinstance(config.source, BidsSource) else None
    found = bids.scans(list(store.list(f"{label}/")), session, run)
    paths = {"t1w": found.t1w, "t2w": found.t2w}
    return paths | ({"lesion": found.lesion} if found.lesion else {})


def _known(store: Store, config: Config, path: str) -> InputFile:
    try:
        content = store.read(path)
    except FileNotFoundError:
        raise SubjectError(
            f"{path} is not in source.root.", "Add it or correct the participants table."
        ) from None
    return InputFile(config.source.root, path, checksum(content), config.storage.options())


def shown(people: pd.DataFrame) -> pd.DataFrame:
    """Give the participants table as the outputs show it: covariates under their own names."""
    known = people.drop(columns=["map", "mask"], errors="ignore")
    columns = [str(column) for column in known]
    names = {c: c.removeprefix(COVARIATE) for c in columns if c.startswith(COVARIATE)}
    extra = [column for column, name in names.items() if name in known]
    return known.drop(columns=extra).rename(columns=names)
