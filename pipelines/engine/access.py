"""Access check: whether a worker can read the lake with its own credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.stores import open_store

MARK = "lake.json"
FORMAT = b'{"format": "rt1t2_dask lake", "version": 1}\n'


@dataclass(frozen=True)
class LakeAccess:
    """The access check to run on a worker: returns None, or the problem.

    Parameters
    ----------
    url : str
        The lake, marked by `mark`.
    options : mapping
        Non-secret options of the store.
    """

    url: str
    options: Mapping[str, Any]

    def mark(self) -> None:
        """Write a marker to the lake for the workers to find."""
        store = open_store(self.url, self.options)
        if not store.exists(MARK):
            store.write(MARK, FORMAT)

    def __call__(self) -> str | None:
        """Check for the marker."""
        try:
            if open_store(self.url, self.options).exists(MARK):
                return None
        except (UserError, RunError, OSError) as error:
            return str(error)
        return (
            f"it cannot read the lake {self.url}; set storage.url to a folder shared by all "
            f"machines, or a bucket."
        )
