"""What every place for data can do, whatever it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import zarr.abc.store

from rt1t2_dask.errors import RunError, UserError


@dataclass(frozen=True)
class Entry:
    """One stored object.

    Parameters
    ----------
    path : str
        Relative to the store.
    size : int
        In bytes.
    modified : float
        Seconds since the epoch, by the store's own clock.
    here : bool
        False for a link whose target is not there, as DataLad leaves what it did not fetch.
    """

    path: str
    size: int
    modified: float
    here: bool = True


class AwayError(FileNotFoundError):
    """A link is there, and what it leads to is not.

    Parameters
    ----------
    link : str
    target : str
        What it leads to.
    """

    def __init__(self, link: str, target: str) -> None:
        super().__init__(link, target)
        self.link, self.target = link, target

    def __str__(self) -> str:
        return f"{self.link} is a link to {self.target}, which is not here"


class UnreadableError(UserError):
    """A file is there and may not be read."""


class DiskError(RunError):
    """A file is there and the disk does not give it."""


NOT_READ = (AwayError, UnreadableError, DiskError)
"""What concerns a file that is there by name, and none beside it."""


class Store(ABC):
    """Named byte objects under one URL.

    A pickled store carries its URL and options only: every process finds its credentials
    in its own environment.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.url = url
        self.options = dict(options)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.url, self.options)

    def __repr__(self) -> str:
        return f"Store({self.describe()})"

    def describe(self) -> str:
        """Where the data lie, in words, without secrets."""
        shown = [f"{name}={value}" for name, value in sorted(self.options.items())]
        return f"{self.url} ({', '.join(shown)})" if shown else self.url

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Whole content of an object; FileNotFoundError where there is none."""

    @abstractmethod
    def start(self, path: str, size: int) -> bytes:
        """At most the first `size` bytes of an object; FileNotFoundError where there is none."""

    @abstractmethod
    def end(self, path: str, size: int) -> bytes:
        """At most the last `size` bytes of an object; FileNotFoundError where there is none."""

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Write or replace an object; readers see the old content or the new, never a mix."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> bool:
        """Write an object only where none is; False where one is already."""

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether an object lies at exactly this path."""

    @abstractmethod
    def entry(self, path: str) -> Entry:
        """Size and time of an object, not read; FileNotFoundError where there is none."""

    @abstractmethod
    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Every object below the folder `prefix`, at any depth, in no set order."""

    @abstractmethod
    def children(self, prefix: str = "") -> set[str]:
        """Names directly below the folder `prefix`; folders end in "/"."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove an object; no error where there is none."""

    @abstractmethod
    def delete_prefix(self, prefix: str) -> None:
        """Remove every object below the folder `prefix`."""

    @abstractmethod
    def zarr(self, prefix: str = "", *, read_only: bool = True) -> zarr.abc.store.Store:
        """Open the folder `prefix` as a zarr store."""

    def delete_abandoned(self, older_than_s: float) -> int:
        """Remove half-written files that killed writers left this long ago; returns how many.

        A bucket shows none; what it keeps of cut uploads ends by its own lifecycle rule.
        """
        return 0

    def list(self, prefix: str = "") -> Iterator[str]:
        """Sorted paths of every object below the folder `prefix`."""
        yield from sorted(entry.path for entry in self.entries(prefix))

    def size(self, prefix: str = "") -> int:
        """Bytes of every object below the folder `prefix`."""
        return sum(entry.size for entry in self.entries(prefix))


def checked(path: str) -> str:
    """Return `path` if it is relative and stays inside its store, else raise ValueError."""
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts:
        raise ValueError(f"{path!r} is not a path inside a store")
    return "/".join(parts)
