"""Checksums of input files, cached in the lake, so that later runs need not read them again."""

import json
import time
from typing import Any

from rt1t2_dask.storage.base import Entry, Store
from rt1t2_dask.storage.keys import checksum, digest

PATH = "checksums.json"
# A file rewritten within the clock's resolution could keep its time and size.
SETTLED_S = 3.0


class Checksums:
    """SHA-256 of files, computed once per size and modification time.

    Parameters
    ----------
    lake : Store
        Where they are cached; files are identified by a digest of their path.
    """

    def __init__(self, lake: Store) -> None:
        self._lake = lake
        self._known: dict[str, list[Any]] = _read(lake)
        self._changed = False

    def of(self, store: Store, path: str) -> str:
        """Return the checksum of a file; FileNotFoundError if there is none."""
        entry = store.entry(path)
        name = digest([store.url, path])
        stamp = [entry.size, entry.modified]
        if self._known.get(name, [])[:2] == stamp:
            return str(self._known[name][2])
        found = checksum(store.read(path))
        if _settled(entry):
            self._known[name] = [*stamp, found]
            self._changed = True
        return found

    def stamp(self, store: Store, path: str) -> str:
        """Return the cached checksum, else a digest of size and time, without reading.

        FileNotFoundError if there is no such file.
        """
        entry = store.entry(path)
        stamp = [entry.size, entry.modified]
        known = self._known.get(digest([store.url, path]), [])
        return str(known[2]) if known[:2] == stamp else digest([store.url, path, *stamp])

    def save(self) -> None:
        """Save new checksums; of concurrent runs, the last one's list stays."""
        if self._changed:
            self._lake.write(PATH, json.dumps(self._known).encode())
            self._changed = False


def _settled(entry: Entry) -> bool:
    return time.time() - entry.modified > SETTLED_S


def _read(lake: Store) -> dict[str, list[Any]]:
    try:
        known: dict[str, list[Any]] = json.loads(lake.read(PATH))
    except (FileNotFoundError, ValueError):
        return {}
    return known
