"""Buckets of S3, Google Cloud and Azure through obstore."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

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
from obstore.store import from_url
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import ObjectStore

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.base import Entry, Store, checked

if TYPE_CHECKING:
    from obstore import ObjectMeta

T = TypeVar("T")
_CUT = "body error"
_PAUSES_S = (0.1, 0.4, 1.6, 6.4)
_PAGE = 1000
_SHARED = ("retries", "timeout_s")
_NATIVE_NAMES = {
    "s3": {
        "endpoint": "endpoint",
        "region": "region",
        "anonymous": "skip_signature",
        "virtual_hosted": "virtual_hosted_style_request",
    },
    "gs": {"endpoint": "base_url", "anonymous": "skip_signature"},
    "az": {"account": "account_name", "endpoint": "endpoint", "anonymous": "skip_signature"},
}
# The last source asked for credentials is the cloud machine's own metadata service.
_NO_CREDENTIALS = ("credential", "169.254.169.254", "/latest/api/token", "metadata.google")


class SteadyObjects(ObjectStore[NativeStore]):
    """Zarr's view of a bucket that reads again where an answer was cut."""

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object or a range of it; None where there is none."""
        for pause in _PAUSES_S:
            try:
                return await super().get(key, prototype, byte_range)
            except GenericError as error:
                if _CUT not in str(error):
                    raise
                await asyncio.sleep(pause)
        return await super().get(key, prototype, byte_range)


class ProfileCredentials:
    """Credentials of a profile in the AWS files of whatever machine this runs on.

    Parameters
    ----------
    profile : str
        Name of the profile; the only thing a pickle carries.
    """

    def __init__(self, profile: str) -> None:
        self.profile = profile

    def __reduce__(self) -> tuple[Any, ...]:
        return ProfileCredentials, (self.profile,)

    @cached_property
    def _provider(self) -> Any:
        try:
            from boto3 import Session  # type: ignore[import-untyped]
            from obstore.auth.boto3 import Boto3CredentialProvider
        except ImportError as error:
            raise UserError(
                "storage.profile needs boto3: pip install boto3, or leave the profile out."
            ) from error
        return Boto3CredentialProvider(Session(profile_name=self.profile))

    def __call__(self) -> Any:
        """Fresh credentials, as obstore asks for them."""
        return self._provider()


class Bucket(Store):
    """Objects in a bucket, below the URL's path."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        _refuse(url, options)
        super().__init__(url.rstrip("/"), options)

    @cached_property
    def _native(self) -> NativeStore:
        return self._open(self.url)

    def _open(self, url: str) -> NativeStore:
        names = _NATIVE_NAMES[urlsplit(url).scheme]
        config = {names[name]: value for name, value in self.options.items() if name in names}
        arguments: dict[str, Any] = {"config": config}
        if str(self.options.get("endpoint", "")).startswith("http://"):
            arguments["client_options"] = {"allow_http": True}
        if "timeout_s" in self.options:
            limit = timedelta(seconds=float(self.options["timeout_s"]))
            arguments.setdefault("client_options", {})["timeout"] = limit
        if "retries" in self.options:
            arguments["retry_config"] = {"max_retries": int(self.options["retries"])}
        if "profile" in self.options:
            arguments["credential_provider"] = ProfileCredentials(self.options["profile"])
        try:
            store: NativeStore = from_url(url, **arguments)
        except (BaseError, ValueError) as error:
            raise UserError(f"{url}: {_first_line(str(error))}. See storage.*.") from error
        return store

    def read(self, path: str) -> bytes:
        """See `Store.read`."""
        return self._steadily(
            path, lambda: obstore.get(self._native, checked(path)).bytes().to_bytes()
        )

    def write(self, path: str, data: bytes) -> None:
        """See `Store.write`."""
        with self._explained(path, writing=True):
            obstore.put(self._native, checked(path), data)

    def create(self, path: str, data: bytes) -> bool:
        """See `Store.create`."""
        try:
            with self._explained(path, writing=True):
                obstore.put(self._native, checked(path), data, mode="create")
        except (AlreadyExistsError, PreconditionError):
            # A request that was cut after it took effect is repeated and finds its own object.
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
        return SteadyObjects(self._open(f"{self.url}/{checked(prefix)}"), read_only=read_only)

    def _steadily(self, path: str, action: Callable[[], T]) -> T:
        """Read, and read again where an answer was cut: obstore repeats only the request."""
        with self._explained(path):
            for pause in _PAUSES_S:
                try:
                    return action()
                except GenericError as error:
                    if _CUT not in str(error):
                        raise
                    time.sleep(pause)
            return action()

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
    return RunError(f"{where}: {_first_line(text)}")


def _refuse(url: str, options: Mapping[str, Any]) -> None:
    split = urlsplit(url)
    if split.scheme not in _NATIVE_NAMES:
        known = ", ".join(f"{scheme}://" for scheme in _NATIVE_NAMES)
        raise UserError(f"{split.scheme}:// is not a known place; use a local path or {known}.")
    if not split.netloc:
        raise UserError(f"{url} names no bucket; write {split.scheme}://bucket/folder.")
    if split.username or split.query:
        raise UserError("A storage URL must hold no credentials; they come from the environment.")
    known_options = _options_of(split.scheme)
    unknown = sorted(set(options) - set(known_options))
    if unknown:
        raise UserError(
            f"{split.scheme}:// knows no storage option {', '.join(unknown)}, only "
            f"{', '.join(known_options)}. Credentials come from the environment only."
        )


def _options_of(scheme: str) -> tuple[str, ...]:
    profile = ("profile",) if scheme == "s3" else ()
    return (*_NATIVE_NAMES[scheme], *profile, *_SHARED)


def _lacking(where: str, problem: str) -> str:
    return (
        f"{where}: {problem} on host {socket.gethostname()} (process {os.getpid()}). "
        "Set the provider's variables (such as AWS_ACCESS_KEY_ID) in that worker's environment, "
        "or storage.anonymous=true for public data."
    )


def _first_line(text: str, limit: int = 300) -> str:
    line = " ".join(text.partition("Debug source")[0].split())
    return line if len(line) <= limit else line[:limit] + "…"
