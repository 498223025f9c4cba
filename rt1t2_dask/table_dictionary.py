"""What the tables of an output folder hold: one dictionary for their JSON and for the docs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from rt1t2_dask.atlas import regions
from rt1t2_dask.images.quality.judge import MEASURES
from rt1t2_dask.region_columns import region_columns

PLACEHOLDER = re.compile(r"<(\w+)>")
LEAST_SPECIFIC = re.compile(r"<\w+>")


@dataclass(frozen=True)
class Column:
    """A column of a table, or a pattern of columns.

    Parameters
    ----------
    name : str
        ``<...>`` stands for a name of the study.
    text : str
        ``{...}`` puts that name into the text.
    unit : str
        Empty for numbers without one, and for text.
    levels : mapping of str to str
        What each value means, where these are few.
    """

    name: str
    text: str
    unit: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)

    def document(self, column: str) -> dict[str, Any]:
        """Return the entry of a column of this name in a JSON sidecar, as BIDS describes it."""
        found = _pattern(self.name).fullmatch(column)
        assert found is not None
        values = {key: _in_words(key, value) for key, value in found.groupdict().items()}
        long = {"LongName": name} if (name := _region(column)) and "<region>" in self.name else {}
        unit = {"Units": self.unit} if self.unit else {}
        levels = {"Levels": dict(self.levels)} if self.levels else {}
        return {**long, "Description": self.text.format(**values), **unit, **levels}


@dataclass(frozen=True)
class TableEntry:
    """A table of an output folder.

    Parameters
    ----------
    file : str
        Its path, ``<...>`` for names of the study.
    title : str
    columns : tuple of Column
        All that it may have; patterns of a whole name last.
    """

    file: str
    title: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column | None:
        """Return the entry of a column; None where there is none."""
        return next((c for c in self.columns if _pattern(c.name).fullmatch(name)), None)


@cache
def tables() -> tuple[TableEntry, ...]:
    """Return the whole dictionary."""
    source = files("rt1t2_dask").joinpath("data", "tables.yaml")
    tree = yaml.safe_load(source.read_text(encoding="utf-8"))
    return tuple(_entry(own, tree["columns"]) for own in tree["tables"])


def entry_of(path: str) -> TableEntry | None:
    """Return the entry of a table by its path in the output folder; None where there is none.

    Of several that fit, the one with the most letters of its own is meant.
    """
    fitting = [own for own in tables() if _pattern(own.file).fullmatch(path)]
    return max(fitting, key=lambda own: len(PLACEHOLDER.sub("", own.file)), default=None)


def sidecar(path: str, columns: Iterable[str]) -> dict[str, Any]:
    """Return the JSON document beside a table.

    Parameters
    ----------
    path : str
        Of the table, below the output folder.
    columns : iterable of str
        Its columns.

    Returns
    -------
    dict
        ``LongName`` of the table, then ``Description``, and ``Units`` or ``Levels``, of each
        column. What the dictionary does not know is described by its name alone.
    """
    entry = entry_of(path)
    document: dict[str, Any] = {"LongName": entry.title} if entry else {}
    for name in columns:
        column = entry.column(name) if entry else None
        document[name] = column.document(name) if column else {"Description": name}
    return document


def _entry(own: Mapping[str, Any], shared: Mapping[str, Any]) -> TableEntry:
    names = sorted(own["columns"].split(), key=lambda n: bool(LEAST_SPECIFIC.fullmatch(n)))
    found = (_column(name, own.get("own", {}), shared) for name in names)
    return TableEntry(own["file"], own["title"], tuple(found))


def _column(name: str, own: Mapping[str, Any], shared: Mapping[str, Any]) -> Column:
    if name in own or name in shared:
        return Column(name, **(own.get(name) or shared[name]))
    words = MEASURES[name].words
    return Column(name, words[:1].upper() + words[1:])


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Return the names that a name with placeholders stands for, each placeholder as a group."""
    seen: set[str] = set()

    def group(found: re.Match[str]) -> str:
        again = found[1] in seen
        seen.add(found[1])
        return f"(?P={found[1]})" if again else f"(?P<{found[1]}>.+)"

    return re.compile(PLACEHOLDER.sub(group, re.escape(name)))


def _in_words(key: str, value: str) -> str:
    """Return a name of the study as texts name it: regions in full, pairs with their minus."""
    if key == "region":
        return _region(value) or value
    return value.replace("_minus_", " minus ")


def _region(column: str) -> str:
    """Return the full name of a region and its label; empty where it is of another atlas."""
    return _regions().get(column, "")


@cache
def _regions() -> dict[str, str]:
    names = regions()["name"]
    return {
        column: f"{names[label]} (index {label} of atlas-Neuromorphometrics_dseg.tsv)"
        for label, column in region_columns().items()
    }
