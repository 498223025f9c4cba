"""The first step with one's own data: look at a BIDS folder and draft the study's YAML."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rt1t2_dask.bids import participants as bids
from rt1t2_dask.bids.labels import with_alike
from rt1t2_dask.config.study import BidsSource
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.pipelines.engine.places import people_folders
from rt1t2_dask.pipelines.people.folders import composed, without_row
from rt1t2_dask.pipelines.people.scans import bids_scans
from rt1t2_dask.pipelines.people.table import some
from rt1t2_dask.storage.stores import Store, open_store

TABLE = "participants.tsv"
TABLES = (TABLE, "participants.csv")
NOT_A_GROUP = (
    *("participant_id", "age", "sex", "gender", "site", "session", "lesion", "handedness"),
)
CONTROLS = re.compile(r"control|healthy|^(n?hc|hv|cn|nc|con|ctrl|kontroll.*)$", re.IGNORECASE)
MOST_GROUPS = 8
# What YAML takes for no text, as a name of ours.
NO_TEXT = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
PLAIN = re.compile(r"[A-Za-z][\w -]*\w")
NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Survey:
    """What lies in a dataset.

    Parameters
    ----------
    people : int
        Folders ``sub-*``.
    usable : int
        Those with one T1w and one T2w.
    lesions : int
        Those with a lesion mask.
    reasons : mapping of str to int
        Why the others are not usable, and how many.
    table : DataFrame or None
        The participants table.
    file : str
        What it is called, or is to be.
    """

    people: int
    usable: int
    lesions: int
    reasons: Mapping[str, int]
    table: pd.DataFrame | None
    file: str = TABLE


def run_init(name: str, root: str) -> int:
    """Look at a dataset, say what was found and write a commented cohort file.

    Parameters
    ----------
    name : str
        Of the study: the folder that is made, and the cohort in it.
    root : str
        The BIDS dataset.

    Raises
    ------
    UserError
        The name cannot be a folder's, the study is there already, or the dataset holds no one.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"init {name}: use letters, digits, _ and - for the study's name.")
    file = Path(name) / "cohort" / f"{name}.yaml"
    if file.exists():
        raise UserError(f"{file} is there already; choose another name or delete it.")
    store = open_store(root)
    labels = people_folders(store)
    if not labels:
        raise UserError(f"source.root={root}: no folder sub-* is there; name a BIDS dataset.")
    found = survey(store, labels)
    file.parent.mkdir(parents=True)
    file.write_text(draft(name, found), encoding="utf-8")
    said = [
        *told(found),
        *_rows_and_folders(found, labels),
        f"wrote {file}: check the groups in it",
        *_table_advice(name, found, labels),
    ]
    said += ["then", f"  python -m rt1t2_dask --config-dir {name} +cohort={name} source=bids \\"]
    said += [
        f"    {shlex.quote(f'source.root={root}')} dry_run=true",
        "and the same without dry_run=true.",
    ]
    sys.stdout.write("\n".join(said) + "\n")
    return 0


def survey(store: Store, labels: list[str]) -> Survey:
    """Look for everybody's images."""
    reasons: Counter[str] = Counter()
    lesions, top = 0, store.children("")
    source = BidsSource(kind="bids", root=store.url)
    for label in labels:
        try:
            scans = bids_scans(source, store, {"participant_id": label}, top, ())
            lesions += scans.lesion is not None
        except SubjectError as error:
            reasons[str(error).replace(label, "sub-…")] += 1
    usable = len(labels) - reasons.total()
    file = next((name for name in TABLES if store.exists(name)), None)
    table = None if file is None else bids.participants(store.read(file), file)
    return Survey(len(labels), usable, lesions, reasons, table, file or TABLE)


def told(found: Survey) -> list[str]:
    """Say what was found, one line a finding."""
    lines = [f"{found.people} people, {found.usable} of them with one T1w and one T2w"]
    lines += [f"  {count} not: {reason}" for reason, count in found.reasons.items()]
    lines.append(f"{found.lesions} with a lesion mask")
    if found.table is not None:
        lines.append(f"{found.file} has {', '.join(found.table.columns)}")
        column = group_column(found.table)
        if column:
            counts = found.table[column].value_counts()
            groups = ", ".join(f"{value} {n}" for value, n in counts.items())
            lines.append(f"groups by {column}: {groups}")
    return lines


def group_column(table: pd.DataFrame) -> str | None:
    """Guess the column of groups: one called group, else the first with a few repeated words."""
    named = [str(c) for c in table if str(c).lower() in ("group", "diagnosis", "dx", "patient")]
    others = [str(c) for c in table if str(c).lower() not in NOT_A_GROUP]
    for column in (*named, *others):
        counts = table[column].value_counts()
        if 1 < len(counts) <= MOST_GROUPS and counts.min() > 1 and not _numbers(table[column]):
            return column
    return named[0] if named else None


def _numbers(values: pd.Series[str]) -> bool:
    known = pd.to_numeric(values.dropna(), errors="coerce")
    return bool(known.notna().all()) and values.nunique() > 2


def draft(name: str, found: Survey) -> str:
    """Write the study's cohort file with a comment on every line that is to be checked."""
    column = None if found.table is None else group_column(found.table)
    values = [] if column is None or found.table is None else _values(found.table[column])
    names = _short_names(values) or {"patients": "VALUE1", "controls": "VALUE2"}
    reference = next((n for n, v in names.items() if CONTROLS.search(v)), [*names][-1])
    pairs = {f"{_letters(n)}Vs{_letters(reference).title()}": n for n in names if n != reference}
    contrasts = ", ".join(f"{title}: [{n}, {reference}]" for title, n in pairs.items())
    groups = ", ".join(f"{n}: {_quoted(value)}" for n, value in names.items())
    named = _column(column or "group")
    return "\n".join(
        (
            f"name: {_column(name)}",
            f"participants: {found.file}    # in source.root",
            f"group_column: {named}    # the column that says who is in which group",
            f"groups: {{{groups}}}    # our name: value in the column",
            f"reference: {reference}    # the controls",
            f"contrasts: {{{contrasts}}}    # first minus second",
            "covariates: []    # columns to adjust for, as [age, sex]",
            "exclude: []    # people to leave out, as [sub-07]",
            "",
        )
    )


def _values(column: pd.Series[str]) -> list[str]:
    return [str(value) for value in column.str.strip().dropna().unique()]


def _short_names(values: list[str]) -> dict[str, str]:
    """Return a name of our own for each value: small letters and digits, text for YAML."""
    names: dict[str, str] = {}
    for value in values:
        name = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_") or "group"
        name = f"group_{name}" if name in NO_TEXT or name[0].isdigit() else name
        names[name if name not in names else f"{name}{len(names) + 1}"] = value
    return names


def _quoted(text: str) -> str:
    """Return a text as YAML reads it in double quotes: as JSON does."""
    return json.dumps(text, ensure_ascii=False)


def _column(name: str) -> str:
    plain = PLAIN.fullmatch(name) and name.lower() not in NO_TEXT
    return name if plain else _quoted(name)


def _letters(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", name)


def _table_advice(name: str, found: Survey, labels: list[str]) -> list[str]:
    if found.table is not None:
        return []
    path = Path(name) / TABLE
    rows = "".join(f"{label}\tn/a\tn/a\tn/a\n" for label in labels)
    path.write_text(f"participant_id\tgroup\tage\tsex\n{rows}", encoding="utf-8")
    return [f"wrote {path}: fill in group, age and sex and put it into the dataset"]


def _rows_and_folders(found: Survey, labels: list[str]) -> list[str]:
    """Say whom only the table or only the dataset knows, and who may be meant."""
    if found.table is None:
        return []
    ids = [str(label) for label in found.table["participant_id"]]
    lines = []
    more = without_row((f"{label}/" for label in labels), ids)
    if more:
        lines.append(f"{len(more)} of them have no row in {found.file}: {some(more)}")
    there = {composed(label) for label in labels}
    alone = [label for label in ids if label not in there]
    if alone:
        near = with_alike(alone, labels)
        lines.append(f"{len(alone)} rows of {found.file} have no folder: {near}")
    return lines
