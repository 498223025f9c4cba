"""Checksums of input files, cached in the lake, so that later runs need not read them again."""

import json
import re
import time
from typing import Any

from rt1t2_dask.json_text import parsed_object
from rt1t2_dask.storage.base import Entry, Store
from rt1t2_dask.storage.keys import checksum, digest

PATH = "checksums.json"
_SHA256 = re.compile("[0-9a-f]{64}")
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
        known = self._remembered(store, entry)
        if known is not None:
            return known
        found = checksum(store.read(path))
        self.learn(store, entry, found)
        return found

    def learn(self, store: Store, entry: Entry, sha256: str) -> None:
        """Remember a checksum, with the file's size and time from before it was read."""
        if _settled(entry):
            self._known[digest([store.url, entry.path])] = [entry.size, entry.modified, sha256]
            self._changed = True

    def _remembered(self, store: Store, entry: Entry) -> str | None:
        known = self._known.get(digest([store.url, entry.path]), [])
        return str(known[2]) if known[:2] == [entry.size, entry.modified] else None

    def stamp(self, store: Store, path: str) -> str:
        """Return the cached checksum, else a digest of size and time, without reading.

        FileNotFoundError if there is no such file.
        """
        return self.look_up(store, path)[0]

    def look_up(self, store: Store, path: str) -> tuple[str, bool]:
        """Return what `stamp` returns, and whether it is the checksum."""
        entry = store.entry(path)
        known = self._remembered(store, entry)
        stamp = digest([store.url, path, entry.size, entry.modified])
        return (stamp, False) if known is None else (known, True)

    def save(self) -> None:
        """Save new checksums; of concurrent runs, the last one's list stays."""
        if self._changed:
            self._lake.write(PATH, json.dumps(self._known).encode())
            self._changed = False


def _settled(entry: Entry) -> bool:
    return time.time() - entry.modified > SETTLED_S


def _read(lake: Store) -> dict[str, list[Any]]:
    try:
        known = parsed_object(lake.read(PATH))
    except (FileNotFoundError, ValueError):
        return {}
    return {name: own for name, own in known.items() if _is_checksum(own)}


def _is_checksum(own: Any) -> bool:
    """Return whether an entry is size, time and SHA-256; others are read again."""
    return isinstance(own, list) and len(own) == 3 and bool(_SHA256.fullmatch(str(own[2])))
