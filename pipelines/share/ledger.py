"""Records of earlier exports: exports together must not disclose small groups either."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask import json_text
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.outputs.tables import json_bytes
from rt1t2_dask.sites.cells import atoms, is_safe
from rt1t2_dask.sites.shared import Columns
from rt1t2_dask.storage.keys import checksum
from rt1t2_dask.storage.parts import Lake

Float = NDArray[np.float64]
FOLDER = "shares"
# File managers leave hidden files; any other must be read, or exports could disclose somebody.
_RECORD = re.compile(rf"{FOLDER}/[^.].*\.json")
Cells = dict[str, list[list[int]]]


@dataclass(frozen=True)
class Earlier:
    """An earlier export: cell and columns of each person, by digest."""

    path: str
    cells: dict[str, int]
    columns: dict[str, list[float]]

    def design(self, names: Sequence[str]) -> Float:
        """Return the columns of people who are all in it, or None; shape (person, column)."""
        width = len(next(iter(self.columns.values())))
        return np.array([self.columns.get(name, [0.0] * width) for name in names])


def earlier(lake: Lake, key: str) -> list[Earlier]:
    """Read the records of all exports of this lake, except ``key``.

    Raises
    ------
    UserError
        One is damaged: what it shared cannot be held against what is asked now.
    """
    paths = [path for path in sorted(lake.store.list(FOLDER)) if path != _path(key)]
    return [_record(lake, path) for path in paths if _RECORD.fullmatch(path)]


def _record(lake: Lake, path: str) -> Earlier:
    try:
        note = json_text.parsed_object(lake.store.read(path))
        cells = {str(name): int(cell) for name, cell in note["cells"].items()}
        columns = {str(name): [float(x) for x in own] for name, own in note["columns"].items()}
        if not columns or len({len(own) for own in columns.values()}) != 1:
            raise ValueError
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        raise UserError(
            f"{lake.store.url}/{path} is damaged: it says who was in an earlier export, so that "
            "exports together disclose nobody. Restore it, or delete it if that file never left "
            "this site."
        ) from None
    return Earlier(path, cells, columns)


def remember(
    lake: Lake, key: str, labels: Sequence[str], cells: Mapping[str, Any], matrix: Any
) -> None:
    """Record cells and columns of people by digest; the record stays at this site."""
    listed = [cell for group in cells.values() for cell in group]
    names = [digest_of(label) for label in labels]
    where = {names[row]: k for k, cell in enumerate(listed) for row in cell}
    columns = dict(zip(names, matrix, strict=True))
    lake.store.write(_path(key), json_bytes({"cells": where, "columns": columns}))


def digest_of(label: str) -> str:
    """Return a digest that identifies a person without the label."""
    return checksum(label.encode())[:32]


def cells_before(
    lake: Lake, key: str, people: pd.DataFrame, columns: Columns, least: int
) -> Cells | None:
    """Return the cells allowed by earlier exports; None if none of these people was in one.

    Parameters
    ----------
    key : str
        Key of the planned export.
    people : DataFrame
        ``participant_id`` and ``group``.
    columns : Columns
        Rows as ``people``.
    least : int

    Raises
    ------
    UserError
        The difference from an earlier export, or the overlap of cells, would disclose too few
        people.
    """
    names = [digest_of(label) for label in people["participant_id"]]
    known = [one for one in earlier(lake, key) if set(one.cells) & set(names)]
    if not known:
        return None
    rows = {name: row for row, name in enumerate(names)}
    numbers = {group: k for k, group in enumerate(dict.fromkeys(people["group"]))}
    planned = {n: numbers[g] for n, g in zip(names, people["group"], strict=True)}
    cells: Cells = {group: [] for group in numbers}
    for atom in atoms([*(one.cells for one in known), planned]):
        here = sorted(rows[name] for name in atom if name in rows)
        people_of = [names[row] for row in here] or sorted(atom)
        designs = [columns.matrix[here]] if here else []
        designs += [one.design(people_of) for one in known]
        if not is_safe(np.hstack(designs), least):
            raise UserError(_refusal(lake, known, len(atom), bool(here), least))
        if here:
            cells[str(people["group"].iloc[here[0]])].append(here)
    return cells


def _refusal(lake: Lake, known: Sequence[Earlier], n: int, here: bool, least: int) -> str:
    which = "who are in this one" if here else "who are no longer here"
    files = ", ".join(f"{lake.store.url}/{one.path}" for one in known)
    return (
        f"an earlier export of this site and this one together distinguish {n} people {which}, "
        f"and sums over these would disclose fewer than {least} of them. Export the same people "
        f"with the same covariates, or wait until there are enough; if that file never left this "
        f"site, delete its record: {files}."
    )


def _path(key: str) -> str:
    return f"{FOLDER}/{key}.json"
