"""The page on tables, from their dictionary: ``python -m rt1t2_dask.cli.tables_page``."""

from __future__ import annotations

import re
import sys

from rt1t2_dask.table_dictionary import Column, TableEntry, tables

HEAD = """# Tables

Every table of an output folder, written from `rt1t2_dask/data/tables.yaml` by
`python -m rt1t2_dask.cli.tables_page`. The same lies beside each table as JSON: `LongName` of the
table, `Description`, `Units` and `Levels` of its columns, as BIDS has them. Cells are separated by
tabs, `n/a` is missing, and `<...>` stands for a name of the study. A table has those of its columns
that the study asked for; `person` and `session` only where people have several sessions.
"""


def page() -> str:
    """Return the whole page."""
    return HEAD + "".join(_section(entry) for entry in tables())


def _section(entry: TableEntry) -> str:
    rows = "".join(_row(column) for column in entry.columns)
    return (
        f"\n## {entry.title}\n\n`{entry.file}`\n\n| column | what | unit |\n|---|---|---|\n{rows}"
    )


def _row(column: Column) -> str:
    levels = "; ".join(f"`{value}`: {text}" for value, text in column.levels.items())
    text = re.sub(r"\{(\w+)\}", r"`<\1>`", column.text.replace("|", "\\|"))
    return f"| `{column.name}` | {text}{f' ({levels})' if levels else ''} | {column.unit} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
