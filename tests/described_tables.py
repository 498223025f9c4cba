"""Whether the tables of an output folder are described, for the tests of several studies."""

from __future__ import annotations

import json
from pathlib import Path

from rt1t2_dask.table_dictionary import entry_of


def undescribed(folder: Path) -> list[str]:
    """List tables without JSON or entry in the dictionary, and columns that it does not know.

    Parameters
    ----------
    folder : Path
        The output folder, or a single table at its top.
    """
    if folder.is_file():
        return _of(folder, folder.name)
    tables = sorted(folder.rglob("*.tsv"))
    assert len(tables) > 2
    return [line for table in tables for line in _of(table, table.relative_to(folder).as_posix())]


def _of(table: Path, path: str) -> list[str]:
    entry, beside = entry_of(path), table.with_suffix(".json")
    if entry is None or not beside.exists():
        return [f"{path}: {'no entry' if entry is None else 'no JSON'}"]
    told = json.loads(beside.read_text())
    assert told["LongName"] == entry.title
    columns = table.read_text().partition("\n")[0].split("\t")
    unknown = [name for name in columns if name and not entry.column(name)]
    unsaid = [name for name in columns if name and len(told[name]["Description"]) < 3]
    return [f"{path}: {name}" for name in (*unknown, *unsaid)]
