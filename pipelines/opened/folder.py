"""The files of a finished study: its output folder, or what the lake keeps of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rt1t2_dask import json_text
from rt1t2_dask.errors import UserError
from rt1t2_dask.storage.stores import Store

TABLE = ".tsv"
GROUP = "group"
MISSING = ["n/a"]


@dataclass(frozen=True)
class StudyFolder:
    """A folder of a store.

    Parameters
    ----------
    store : Store
    prefix : str
        The folder's path in the store; empty for all of it.
    """

    store: Store
    prefix: str = ""

    @property
    def url(self) -> str:
        """Return where the folder lies."""
        return f"{self.store.url}/{self.prefix}".rstrip("/")

    def path(self, name: str) -> str:
        """Return the path of a file in the store."""
        return f"{self.prefix}/{name}".lstrip("/")

    def read(self, name: str) -> bytes:
        """Read a file; FileNotFoundError if there is none."""
        return self.store.read(self.path(name))

    def exists(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return self.store.exists(self.path(name))

    def document(self, name: str) -> dict[str, Any]:
        """Read a JSON file; ValueError where it is none, or no object."""
        return json_text.parsed_object(self.read(name))

    def tables(self) -> dict[str, str]:
        """Return the path of every table by its name, those of the group first."""
        own = {_stem(n): f"{GROUP}/{n}" for n in sorted(self.children(GROUP)) if n.endswith(TABLE)}
        top = {_stem(name): name for name in sorted(self.children()) if name.endswith(TABLE)}
        return own | {name: path for name, path in top.items() if name not in own}

    def children(self, folder: str = "") -> set[str]:
        """Return the names in a folder."""
        return self.store.children(self.path(folder).rstrip("/"))


def _stem(name: str) -> str:
    return name.removesuffix(TABLE)


def read_table(
    content: bytes, text: Iterable[str] = (), only: Iterable[str] | None = None
) -> pd.DataFrame:
    """Read a table of an output folder; n/a is missing.

    Parameters
    ----------
    content : bytes
    text : iterable of str
        Columns that are text whatever they hold, beside the participants' labels.
    only : iterable of str, optional
        Columns to read, of those there are; all where left out.
    """
    if not content.strip():
        raise UserError("a table of the study is empty: run the study again.")
    wanted = None if only is None else set(only)
    try:
        frame: pd.DataFrame = pd.read_csv(
            io.BytesIO(content),
            sep="\t",
            quoting=csv.QUOTE_NONE,
            keep_default_na=False,
            na_values=MISSING,
            dtype=dict.fromkeys(("participant_id", *text), str),
            usecols=None if wanted is None else lambda name: name in wanted,
        )
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"a table of the study is damaged ({error}): run the study again."
        ) from None
    return frame
