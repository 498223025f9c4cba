"""The interface of all stores."""

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
        False for a broken link, such as DataLad content that was not fetched.
    """

    path: str
    size: int
    modified: float
    here: bool = True


class AwayError(FileNotFoundError):
    """A broken link.

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
        return f"{self.link} is a link to {self.target}, which does not exist"


class UnreadableError(UserError):
    """A file exists without read permission."""


class DiskError(RunError):
    """A file exists but the disk cannot read it."""


NOT_READ = (AwayError, UnreadableError, DiskError)
"""Errors of a single file that exists."""


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
        """Describe the location without secrets."""
        shown = [f"{name}={value}" for name, value in sorted(self.options.items())]
        return f"{self.url} ({', '.join(shown)})" if shown else self.url

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Read an object; FileNotFoundError if there is none."""

    @abstractmethod
    def start(self, path: str, size: int) -> bytes:
        """Read at most the first `size` bytes of an object; FileNotFoundError if there is none."""

    @abstractmethod
    def end(self, path: str, size: int) -> bytes:
        """Read at most the last `size` bytes of an object; FileNotFoundError if there is none."""

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Write or replace an object atomically."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> bool:
        """Create an object exclusively; return False if it exists."""

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Return whether an object exists at exactly this path."""

    @abstractmethod
    def entry(self, path: str) -> Entry:
        """Return size and time of an object; FileNotFoundError if there is none."""

    @abstractmethod
    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield every object below the folder `prefix`, at any depth, in any order."""

    @abstractmethod
    def children(self, prefix: str = "") -> set[str]:
        """Return the names directly below the folder `prefix`; folders end in "/"."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove an object; no error if there is none."""

    @abstractmethod
    def delete_prefix(self, prefix: str) -> None:
        """Remove every object below the folder `prefix`."""

    @abstractmethod
    def zarr(self, prefix: str = "", *, read_only: bool = True) -> zarr.abc.store.Store:
        """Open the folder `prefix` as a zarr store."""

    def delete_abandoned(self, older_than_s: float, prefix: str = "") -> int:
        """Remove partial files of killed writers older than this, below `prefix`; return how many.

        A bucket shows none; its lifecycle rules remove incomplete uploads.
        """
        return 0

    def clear_dead(self, prefix: str = "", *, deep: bool = True) -> int:
        """Remove partial files of writers of this machine that were killed; return how many.

        Parameters
        ----------
        prefix : str
            The folder to look in.
        deep : bool
            Whether folders within it are looked at, too.
        """
        return 0

    def list(self, prefix: str = "") -> Iterator[str]:
        """Return the sorted paths of every object below the folder `prefix`."""
        yield from sorted(entry.path for entry in self.entries(prefix))

    def size(self, prefix: str = "") -> int:
        """Return the total bytes of all objects below the folder `prefix`."""
        return sum(entry.size for entry in self.entries(prefix))


def checked(path: str) -> str:
    """Return `path` if it is relative and stays inside its store, else raise ValueError."""
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts:
        raise ValueError(f"{path!r} is not a path inside a store")
    return "/".join(parts)
