"""Whether a worker reaches the lake with the credentials of its own environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.stores import open_store

MARK = "lake.json"
FORMAT = b'{"format": "rt1t2_dask lake", "version": 1}\n'


@dataclass(frozen=True)
class LakeReached:
    """Call it on a worker: None, or what the worker lacks.

    Parameters
    ----------
    url : str
        The lake, which `mark` has marked.
    options : mapping
        Non-secret options of the store.
    """

    url: str
    options: Mapping[str, Any]

    def mark(self) -> None:
        """Leave a mark in the lake for the workers to find."""
        store = open_store(self.url, self.options)
        if not store.exists(MARK):
            store.write(MARK, FORMAT)

    def __call__(self) -> str | None:
        """Look for the mark."""
        try:
            if open_store(self.url, self.options).exists(MARK):
                return None
        except (UserError, RunError, OSError) as error:
            return str(error)
        return (
            f"it sees nothing of the lake {self.url}; give storage.url a folder that all machines "
            "share, or a bucket."
        )
