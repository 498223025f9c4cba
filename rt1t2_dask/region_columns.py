"""Names of regions as columns of tables that R, Python and SQL read unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rt1t2_dask.atlas import grey_labels, regions


def syntactic(names: Mapping[int, str]) -> dict[int, str]:
    """Return a column name for each region: letters, digits and underscores, no two the same.

    Parameters
    ----------
    names : mapping of int to str
        Name of each region by its label in the atlas.
    """
    plain = {label: _plain(name) for label, name in names.items()}
    times = [name.lower() for name in plain.values()]
    return {
        label: name if times.count(name.lower()) == 1 else f"{name}_{label}"
        for label, name in plain.items()
    }


def region_columns() -> dict[int, str]:
    """Return the column of ``parcels.tsv`` of each of the 119 regions, by label, in order."""
    names = regions()["name"]
    return syntactic({label: str(names[label]) for label in grey_labels()})


def labels_of(columns: Iterable[str], names: Mapping[int, str]) -> list[int]:
    """Return the label of each column; earlier versions named columns by the labels themselves."""
    known = {column: label for label, column in syntactic(names).items()}
    return [int(column) if column.isdecimal() else known[column] for column in columns]


def _plain(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    return plain if plain[:1].isalpha() else f"region_{plain}".rstrip("_")
