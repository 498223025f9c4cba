"""The participants table of a BIDS dataset."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask import tabular
from rt1t2_dask.errors import UserError

# Output file names add up to 90 bytes to a label; file systems allow 255.
MOST_LABEL_BYTES = 150
ID = re.compile(
    r"\W*(participant|subject|sub|subj|patient|person|case)?s?[-_ ]*(id|label|code|nr|no)?",
    re.IGNORECASE,
)
# Zero-width characters, as in text copied from web pages.
INVISIBLE = re.compile("[\u200b\u200c\u2060\ufeff\u00ad]")
# Variants of the hyphen from office programs, and blanks.
BEFORE_LABEL = re.compile("^sub(-|[\\s\u2010-\u2015\u2212]+)")
NOT_IN_LABELS = re.compile(r"[\s/\\:*?\"<>|\x00-\x1f\x7f]|^sub-\.|\.$")


SESSION_ID = "session_id"
"""Column of the session, in tables with a row for each."""


def participants(content: bytes, name: str, several: bool = False) -> pd.DataFrame:
    """Read a participants table.

    Parameters
    ----------
    content : bytes
        Tab-separated, as `tabular.read`; CSV where the name ends in ``.csv``.
    name : str
        File name for error messages.
    several : bool
        Whether a person may have a row for each session, named in the column ``session_id``.

    Returns
    -------
    DataFrame
        All columns text, missing values NaN; ids start with ``sub-``. The index holds each
        row's line in the file.

    Raises
    ------
    UserError
        The table is unreadable, lacks ``participant_id`` or repeats one.
    """
    separator = None if name.lower().endswith(".csv") else tabular.TAB
    rows = tabular.read(content, name, separator).map(_visible)
    rows.columns = _visible_names([str(column) for column in rows.columns], name)
    if "participant_id" not in rows:
        raise UserError(
            f"{name} has no column participant_id; it has {', '.join(rows.columns)}. "
            f"{_id_column(rows)}"
        )
    rows = rows.dropna(how="all")
    unnamed = rows.index[rows["participant_id"].isna()]
    if len(unnamed):
        raise UserError(f"{name}: row {unnamed[0]} has no participant_id; fill it in.")
    bare = rows["participant_id"].astype(str).str.replace(BEFORE_LABEL, "", regex=True)
    rows["participant_id"] = "sub-" + bare
    each = [name for name in ("participant_id", SESSION_ID) if name in rows]
    repeated = rows.index[rows.duplicated(each if several else "participant_id")]
    if len(repeated):
        raise UserError(
            f"{name} repeats the person of row {repeated[0]}; keep one row per person, with the "
            f"session in a column if there are several (source.session={{column}})."
        )
    return rows


def _visible_names(columns: list[str], name: str) -> list[str]:
    """Remove zero-width characters from names; UserError where two are then the same."""
    found = [INVISIBLE.sub("", column) or f"{tabular.UNNAMED} {k + 1}" for k, column in
             enumerate(columns)]  # fmt: skip
    twice = next((column for column, n in Counter(found).items() if n > 1), None)
    if twice is not None:
        raise UserError(f"{name} has two columns named {twice}; rename one.")
    return found


def _visible(cell: Any) -> Any:
    """Remove zero-width characters from a text; NaN where nothing is left."""
    return (INVISIBLE.sub("", cell) or np.nan) if isinstance(cell, str) else cell


def _id_column(rows: pd.DataFrame) -> str:
    """Suggest the intended column, or the separator."""
    like = [str(column) for column in rows if ID.fullmatch(str(column))]
    if like:
        return f"Rename {like[0]} to participant_id."
    return "Columns are separated by tabs."


def label_faults(labels: Iterable[str], name: str) -> list[str]:
    """List labels that cannot be part of a file name, one line each.

    Parameters
    ----------
    labels : iterable of str
        As ``sub-01``.
    name : str
        Table name for error messages.
    """
    faults = []
    for label in labels:
        size = len(label.encode())
        if size > MOST_LABEL_BYTES:
            faults.append(
                f"{name}: participant_id {label[:20]}... has {size} bytes, at most "
                f"{MOST_LABEL_BYTES} fit in file names; shorten it."
            )
        elif NOT_IN_LABELS.search(label):
            faults.append(
                f"{name}: participant_id={label!r} cannot be part of a file's name; use letters "
                "and digits, as BIDS does."
            )
    return faults
