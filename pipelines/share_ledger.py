"""What a site has handed on before: exports together must not tell few people apart either."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.outputs import json_bytes
from rt1t2_dask.sites.cells import atoms, is_safe
from rt1t2_dask.sites.shared import Columns
from rt1t2_dask.storage.keys import checksum
from rt1t2_dask.storage.parts import Lake

FOLDER = "shares"
Cells = dict[str, list[list[int]]]


def earlier(lake: Lake, key: str) -> dict[str, dict[str, int]]:
    """Read who was in which cell of every earlier export but that of ``key``, by its object."""
    found = {}
    for path in sorted(lake.store.list(FOLDER)):
        if path != _path(key):
            found[path] = dict(json.loads(lake.store.read(path))["people"])
    return found


def remember(lake: Lake, key: str, labels: Sequence[str], cells: Mapping[str, Any]) -> None:
    """Note who was in which cell, by digests of their labels; it stays at this site."""
    listed = [cell for group in cells.values() for cell in group]
    people = {digest_of(labels[row]): k for k, cell in enumerate(listed) for row in cell}
    lake.store.write(_path(key), json_bytes({"people": people}))


def digest_of(label: str) -> str:
    """Know a person again without writing their label."""
    return checksum(label.encode())[:32]


def cells_before(
    lake: Lake, key: str, people: pd.DataFrame, columns: Columns, least: int
) -> Cells | None:
    """Give the cells that earlier exports leave; None where none of these people was in one.

    Parameters
    ----------
    key : str
        Of the export that is planned.
    people : DataFrame
        ``participant_id`` and ``group``.
    columns : Columns
        Rows as ``people``.
    least : int

    Raises
    ------
    UserError
        The difference to an earlier export would be about too few.
    """
    names = [digest_of(label) for label in people["participant_id"]]
    known = {p: d for p, d in earlier(lake, key).items() if set(d) & set(names)}
    if not known:
        return None
    rows = {name: row for row, name in enumerate(names)}
    numbers = {group: k for k, group in enumerate(dict.fromkeys(people["group"]))}
    planned = {n: numbers[g] for n, g in zip(names, people["group"], strict=True)}
    cells: Cells = {group: [] for group in numbers}
    for atom in atoms([*known.values(), planned]):
        here = sorted(rows[name] for name in atom if name in rows)
        enough = least + (0 if here else columns.matrix.shape[1] - 1)
        if len(atom) < enough or (here and not is_safe(columns.matrix[here], least)):
            raise UserError(_refusal(lake, known, len(atom), bool(here), enough))
        if here:
            cells[str(people["group"].iloc[here[0]])].append(here)
    return cells


def _refusal(lake: Lake, known: Mapping[str, Any], n: int, here: bool, enough: int) -> str:
    which = "who were not in it, or in another cell," if here else "who are no longer here"
    files = ", ".join(f"{lake.store.url}/{path}" for path in known)
    return (
        f"an earlier export of this site and this one differ by {n} people {which}: their "
        f"difference would be about them alone ({enough} or more are needed). Export the same "
        "people, or wait until there are enough; if that file never left this site, delete "
        f"its note: {files}."
    )


def _path(key: str) -> str:
    return f"{FOLDER}/{key}.json"
