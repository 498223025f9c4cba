"""First step with new data: survey a BIDS folder and draft the study's YAML."""

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
from rt1t2_dask.bids.labels import with_similar
from rt1t2_dask.config.choices import CHOOSE
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
CONTROLS = re.compile(
    r"(?<![a-z])(controls?|healthy)(?![a-z])|^(n?hcs?|hv|cn|nc|con|ctrls?|kontroll.*)$",
    re.IGNORECASE,
)
MOST_GROUPS = 8
# Names that YAML does not read as text.
NO_TEXT = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
PLAIN = re.compile(r"[A-Za-z][\w -]*\w")
NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Survey:
    """Contents of a dataset.

    Parameters
    ----------
    people : int
        Folders ``sub-*``.
    usable : int
        People with one T1w and one T2w.
    lesions : int
        People with a lesion mask.
    reasons : mapping of str to int
        Reasons why others are not usable, with counts.
    table : DataFrame or None
        The participants table.
    file : str
        Name of the table, existing or to be written.
    """

    people: int
    usable: int
    lesions: int
    reasons: Mapping[str, int]
    table: pd.DataFrame | None
    file: str = TABLE


def run_init(name: str, root: str) -> int:
    """Survey a dataset, print the findings and write a commented cohort file.

    Parameters
    ----------
    name : str
        Name of the study: its folder and its cohort.
    root : str
        The BIDS dataset.

    Raises
    ------
    UserError
        The name is not valid, the study exists, or the dataset has no people.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"init {name}: use letters, digits, _ and - for the study's name.")
    file = Path(name) / "cohort" / f"{name}.yaml"
    if file.exists():
        raise UserError(f"{file} exists; choose another name or delete it.")
    store = open_store(root)
    labels = people_folders(store)
    if not labels:
        raise UserError(f"source.root={root}: there is no folder sub-*; set it to a BIDS dataset.")
    found = survey(store, labels)
    file.parent.mkdir(parents=True)
    file.write_text(draft(name, found), encoding="utf-8")
    lines = [
        *findings(found),
        *_rows_and_folders(found, labels),
        f"wrote {file}",
        *_table_advice(name, found, labels),
        *_to_confirm(found),
        "then check it, and run the same without check=true:",
        f"python -m rt1t2_dask --config-dir {name} +cohort={name} source=bids "
        f"{shlex.quote(f'source.root={root}')} check=true",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def survey(store: Store, labels: list[str]) -> Survey:
    """Survey the images of all people."""
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


def findings(found: Survey) -> list[str]:
    """Describe the findings, one line each."""
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
    """Guess the group column: one named group, else the first with a few repeated words."""
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
    """Write the study's cohort file with a comment on every line; `CHOOSE` where it is unknown."""
    column, names = _groups(found)
    return "\n".join(
        (
            f"name: {_column(name)}",
            f"participants: {found.file}    # in source.root",
            f"group_column: {_column(column)}    # {_of_column(found)}",
            _drafted_groups(names),
            *_drafted_contrasts(names),
            "covariates: []    # columns to adjust for, such as [age, sex]",
            "exclude: []    # people to leave out, such as [sub-07]",
            "",
        )
    )


def _groups(found: Survey) -> tuple[str, dict[str, str]]:
    """Return the column of groups, and its values by their short names; empty if unknown."""
    if found.table is None:
        return "group", {}
    column = group_column(found.table)
    return (column, _short_names(_values(found.table[column]))) if column else (CHOOSE, {})


def _of_column(found: Survey) -> str:
    columns = () if found.table is None else found.table.columns
    others = ", ".join(str(name) for name in columns if name != "participant_id")
    return f"the column of groups{f', one of: {others}' if others else ''}"


def _controls(names: Mapping[str, str]) -> str | None:
    """Return the group whose value names controls; None unless there is just one."""
    found = [name for name, value in names.items() if CONTROLS.search(value)]
    return found[0] if len(found) == 1 else None


def _drafted_groups(names: Mapping[str, str]) -> str:
    what = "name in this study: value in the column"
    if not names:
        return f"groups: {CHOOSE}    # {what}, such as {{patients: PSP, controls: HC}}"
    listed = ", ".join(f"{name}: {_quoted(value)}" for name, value in names.items())
    return f"groups: {{{listed}}}    # {what}"


def _drafted_contrasts(names: Mapping[str, str]) -> tuple[str, str]:
    """Return the lines of the reference and of the contrasts."""
    controls, listed = _controls(names), ", ".join(names) or "the groups"
    if controls is None:
        return (
            f"reference: {CHOOSE}    # the controls: one of {listed}",
            f"contrasts: {CHOOSE}    # such as {{aVsB: [a, b]}}: a minus b, of {listed}",
        )
    pairs = {f"{_letters(n)}Vs{_letters(controls).title()}": n for n in names if n != controls}
    contrasts = ", ".join(f"{title}: [{n}, {controls}]" for title, n in pairs.items())
    value = _quoted(names[controls])
    return (
        f"reference: {controls}    # the controls: guessed from {value}, confirm",
        f"contrasts: {{{contrasts}}}    # first minus second",
    )


def _to_confirm(found: Survey) -> list[str]:
    """Describe what of the draft is guessed, and what it leaves open."""
    column, names = _groups(found)
    controls = _controls(names)
    lines = [f"guessed, confirm: group_column {column}"] if names else []
    if controls is not None:
        value = names[controls]
        lines.append(f"guessed, confirm: reference {controls}, the controls, because of {value!r}")
    left = ["group_column"] * (column == CHOOSE) + ["groups"] * (not names)
    left += ["reference", "contrasts"] * (controls is None)
    if left:
        lines.append(f"not known, write them in place of {CHOOSE}: {', '.join(left)}")
    return lines


def _values(column: pd.Series[str]) -> list[str]:
    return [str(value) for value in column.str.strip().dropna().unique()]


def _short_names(values: list[str]) -> dict[str, str]:
    """Return a short name for each value: lower-case letters and digits, text for YAML."""
    names: dict[str, str] = {}
    for value in values:
        name = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_") or "group"
        name = f"group_{name}" if name in NO_TEXT or name[0].isdigit() else name
        names[name if name not in names else f"{name}{len(names) + 1}"] = value
    return names


def _quoted(text: str) -> str:
    """Quote a text for YAML, as in JSON."""
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
    return [f"wrote {path}: fill in group, age and sex and copy it to the dataset"]


def _rows_and_folders(found: Survey, labels: list[str]) -> list[str]:
    """Describe people in only the table or only the dataset, with similar labels."""
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
        near = with_similar(alone, labels)
        lines.append(f"{len(alone)} rows of {found.file} have no folder: {near}")
    return lines
