"""Columns of the participants table that may name files: a path, or something else."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from rt1t2_dask.pipelines.engine.places import variants
from rt1t2_dask.storage.stores import Store

COLUMNS = ("map", "mask", "lesion")
PATH = re.compile(r"\.(nii|img|hdr|mgz|mgh)(\.gz)?$", re.IGNORECASE)
MAP = re.compile(r"_T1wT2wratio\.nii(\.gz)?$", re.IGNORECASE)
# What people write where there is no file, in a column that names files for others.
NO_FILE = frozenset(("no", "none", "0", "-", "false", "nil", "nein", "non", "n"))


def file_columns(rows: pd.DataFrame) -> list[str]:
    """Return the columns that name files: those of `COLUMNS` with a path in any cell."""
    return [column for column in COLUMNS if column in rows and _holds_paths(rows[column])]


def _holds_paths(values: pd.Series[str]) -> bool:
    return bool(values.dropna().map(lambda cell: bool(PATH.search(str(cell)))).any())


def named_path(row: Mapping[str, Any], column: str) -> str | None:
    """Return the path in a person's cell; None where there is none."""
    cell = row.get(column)
    return None if not isinstance(cell, str) or cell.casefold() in NO_FILE else cell


def found_near(store: Store, path: str, label: str, role: str) -> str | None:
    """Return a file that a path may mean; None where there is none.

    Parameters
    ----------
    store : Store
        The path starts there, and leads nowhere.
    label : str
        Whose file it is: a map may lie in the person's folder.
    role : str
        ``map``, ``mask`` or ``lesion``.
    """
    spelled = path.removeprefix("bids::").replace("\\", "/").lstrip("/")
    folder = spelled.rpartition("/")[0]
    wanted = [own.casefold() for own in variants(spelled)]
    beside = sorted(f"{folder}/{name}" if folder else name for name in store.children(folder))
    own = store.list(label) if role == "map" else ()
    there = [name for name in beside if name.casefold() in wanted]
    there += [name for name in own if MAP.search(name)]
    return there[0] if there else None


def column_notes(rows: pd.DataFrame, columns: Collection[str], *, shown: bool) -> list[str]:
    """Say which of some columns holds no files, as sides, and which that is called near it does."""
    others = [c for c in columns if c in rows and not _holds_paths(rows[c])]
    near = [c for c in map(str, rows) if c not in COLUMNS and _near(c, columns)]
    unread = [c for c in near if _holds_paths(rows[c])]
    lines = [
        f"column {column} of the participants table holds paths and is not read: call it "
        f"{_near(column, columns)} if its files are to be used"
        for column in unread
    ]
    return lines + [
        f"column {column} of the participants table holds no paths"
        f"{_shown(rows[column], shown)}: no file is taken from it"
        for column in others
    ]


def _near(column: str, columns: Collection[str]) -> str:
    """Return the column of files that another one's name holds, as ``Lesion_mask``."""
    return next((known for known in columns if known in column.casefold()), "")


def _shown(values: pd.Series[str], shown: bool) -> str:
    found = sorted({str(value) for value in values.dropna()})
    few = ", ".join(found[:4]) + (", ..." if len(found) > 4 else "")
    return f" ({few or 'all are n/a'})" if shown else ""
