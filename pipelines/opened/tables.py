"""The tables of a study by name, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Generic, TypeVar

import pandas as pd

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.opened.folder import StudyFolder, read_table

Value = TypeVar("Value")


class NoSuchNameError(UserError, KeyError):
    """Nothing has this name; the message lists the names there are."""

    def __str__(self) -> str:
        return str(self.args[0])


class Named(Mapping[str, Value], Generic[Value]):
    """A mapping whose values are read when asked for, and whose errors list the names.

    Parameters
    ----------
    what : str
        What the values are, for the message.
    """

    what = "entry"

    def names(self) -> tuple[str, ...]:
        """Return the names, in order."""
        raise NotImplementedError

    def made(self, name: str) -> Value:
        """Return the value of a name that is there."""
        raise NotImplementedError

    def __getitem__(self, name: str) -> Value:
        if name not in self.names():
            there = ", ".join(self.names()) or "none"
            raise NoSuchNameError(f"there is no {self.what} {name!r}; there is: {there}.")
        return self.made(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __repr__(self) -> str:
        return f"{{{', '.join(self.names())}}}"


class Tables(Named[pd.DataFrame]):
    """Every table of a study's folder, by file name without ``.tsv``."""

    what = "table"

    def __init__(self, folder: StudyFolder) -> None:
        self._folder = folder

    @cached_property
    def _paths(self) -> dict[str, str]:
        return self._folder.tables()

    def names(self) -> tuple[str, ...]:
        """Return the tables' names."""
        return tuple(self._paths)

    def made(self, name: str) -> pd.DataFrame:
        """Read a table."""
        return read_table(self._folder.read(self._paths[name]))

    def some(self, name: str, *columns: str) -> pd.DataFrame | None:
        """Read some columns of a table; None where there is no such table."""
        if name not in self:
            return None
        return read_table(self._folder.read(self._paths[name]), only=columns)
