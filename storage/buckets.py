"""Buckets of S3, Google Cloud and Azure through obstore."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

import obstore
import zarr.abc.store
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore as NativeStore
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import ObjectStore

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.base import Entry, Store, checked
from rt1t2_dask.storage.clouds import one_line, open_native, refuse_unknown

if TYPE_CHECKING:
    from obstore import ObjectMeta

T = TypeVar("T")
_CUT = "body error"
_PAUSES_S = (0.1, 0.4, 1.6, 6.4)
_PAGE = 1000
_ONE_REQUEST_BYTES = 64 << 20  # one volume is one request; an interrupted upload leaves nothing
# The last credential source is the cloud machine's metadata service.
_NO_CREDENTIALS = ("credential", "169.254.169.254", "/latest/api/token", "metadata.google")


class SteadyObjects(ObjectStore[NativeStore]):
    """Zarr's view of a folder in a bucket: retries truncated responses.

    Parameters
    ----------
    store : obstore store
    read_only : bool
    where : str
        The folder's URL, for messages.
    """

    def __init__(self, store: NativeStore, *, read_only: bool = False, where: str = "") -> None:
        super().__init__(store, read_only=read_only)
        self.where = where

    def with_read_only(self, read_only: bool = False) -> Self:
        """Open the same folder for reading only, or for writing too."""
        return type(self)(self.store, read_only=read_only, where=self.where)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object or a range of it; None if there is none."""
        for pause in (*_PAUSES_S, None):
            try:
                return await super().get(key, prototype, byte_range)
            except BaseError as error:
                if pause is None or _CUT not in str(error):
                    raise _explanation(error, f"{self.where}/{key}", writing=False) from error
                await asyncio.sleep(pause)
        raise AssertionError("the last round returns or raises")


class Bucket(Store):
    """Objects in a bucket, below the URL's path."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        refuse_unknown(url, options)
        super().__init__(url.rstrip("/"), options)

    @cached_property
    def _native(self) -> NativeStore:
        return open_native(self.url, self.options)

    def read(self, path: str) -> bytes:
        """See `Store.read`."""
        return self._steadily(
            path, lambda: obstore.get(self._native, checked(path)).bytes().to_bytes()
        )

    def start(self, path: str, size: int) -> bytes:
        """See `Store.start`."""
        return self._range(path, 0, min(size, self.entry(path).size))

    def end(self, path: str, size: int) -> bytes:
        """See `Store.end`."""
        whole = self.entry(path).size
        return self._range(path, max(whole - size, 0), whole)

    def _range(self, path: str, start: int, end: int) -> bytes:
        if start == end:
            return b""
        return self._steadily(
            path,
            lambda: obstore.get_range(self._native, checked(path), start=start, end=end).to_bytes(),
        )

    def write(self, path: str, data: bytes) -> None:
        """See `Store.write`."""
        with self._explained(path, writing=True):
            obstore.put(self._native, checked(path), data, chunk_size=_ONE_REQUEST_BYTES)

    def create(self, path: str, data: bytes) -> bool:
        """See `Store.create`."""
        try:
            with self._explained(path, writing=True):
                obstore.put(self._native, checked(path), data, mode="create")
        except (AlreadyExistsError, PreconditionError):
            # A repeated request may find the object of its first attempt.
            return self._holds(path, data)
        return True

    def _holds(self, path: str, data: bytes) -> bool:
        try:
            return self.read(path) == data
        except FileNotFoundError:
            return False

    def exists(self, path: str) -> bool:
        """See `Store.exists`."""
        try:
            with self._explained(path):
                obstore.head(self._native, checked(path))
        except FileNotFoundError:
            return False
        return True

    def entry(self, path: str) -> Entry:
        """See `Store.entry`."""
        with self._explained(path):
            meta = obstore.head(self._native, checked(path))
        return Entry(path, meta["size"], meta["last_modified"].timestamp())

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """See `Store.entries`."""
        last: str | None = None
        while batch := self._steadily(prefix, partial(self._page, checked(prefix) or None, last)):
            for meta in batch:
                yield Entry(meta["path"], meta["size"], meta["last_modified"].timestamp())
            last = batch[-1]["path"]

    def _page(self, folder: str | None, after: str | None) -> "Sequence[ObjectMeta]":
        pages = obstore.list(self._native, folder, offset=after, chunk_size=_PAGE)
        return next(iter(pages), [])

    def children(self, prefix: str = "") -> set[str]:
        """See `Store.children`."""
        folder = checked(prefix)
        start = len(folder) + 1 if folder else 0
        found = self._steadily(
            prefix, lambda: obstore.list_with_delimiter(self._native, folder or None)
        )
        folders = {path.rstrip("/")[start:] + "/" for path in found["common_prefixes"]}
        return folders | {meta["path"][start:] for meta in found["objects"]}

    def delete(self, path: str) -> None:
        """See `Store.delete`."""
        try:
            with self._explained(path, writing=True):
                obstore.delete(self._native, checked(path))
        except FileNotFoundError:
            return

    def delete_prefix(self, prefix: str) -> None:
        """See `Store.delete_prefix`."""
        paths = list(self.list(prefix))
        with self._explained(prefix, writing=True):
            if paths:
                obstore.delete(self._native, paths)

    def zarr(self, prefix: str = "", *, read_only: bool = True) -> zarr.abc.store.Store:
        """See `Store.zarr`."""
        where = f"{self.url}/{checked(prefix)}"
        native = open_native(where, self.options)
        return SteadyObjects(native, read_only=read_only, where=where)

    def _steadily(self, path: str, action: Callable[[], T]) -> T:
        """Read with retries of truncated responses: obstore retries only the request."""
        with self._explained(path):
            for pause in (*_PAUSES_S, None):
                try:
                    return action()
                except GenericError as error:
                    if pause is None or _CUT not in str(error):
                        raise
                    time.sleep(pause)
        raise AssertionError("the last round returns or raises")

    @contextmanager
    def _explained(self, path: str, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except (AlreadyExistsError, PreconditionError):
            raise
        except (BaseError, FileNotFoundError) as error:
            where = f"{self.url}/{path}".rstrip("/")
            raise _explanation(error, where, writing=writing) from error


def _explanation(error: Exception, where: str, *, writing: bool) -> Exception:
    text, missing = str(error), isinstance(error, FileNotFoundError)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return UserError(_lacking(where, "access is denied"))
    if "NoSuchBucket" in text or (missing and writing):
        return UserError(f"{where}: no such bucket. Create it, or change the URL.")
    if missing:
        return FileNotFoundError(f"{where} does not exist")
    if any(word in text.lower() for word in _NO_CREDENTIALS):
        return UserError(_lacking(where, "no credentials were found"))
    return RunError(f"{where}: {one_line(text)}")


def _lacking(where: str, problem: str) -> str:
    return (
        f"{where}: {problem} on host {socket.gethostname()} (process {os.getpid()}). "
        "Set the provider's variables (such as AWS_ACCESS_KEY_ID) in that worker's environment, "
        "or storage.anonymous=true for public data."
    )
