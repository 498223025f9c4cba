"""Local folders, network disks included."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import zarr.abc.store
from zarr.storage import LocalStore

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.machine import has_ended, mark
from rt1t2_dask.storage.base import AwayError, DiskError, Entry, Store, UnreadableError, checked
from rt1t2_dask.storage.walk import away, files_below

_TEMPORARY = ".tmp"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_NOT_READABLE = {errno.EACCES, errno.EPERM}
_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


class Folder(Store):
    """Objects as files below one folder."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        path = unquote(urlsplit(url).path) if url.startswith("file://") else url
        # Workers have other working directories, so the path is made absolute here.
        self._root = Path(path).expanduser().absolute()
        super().__init__(str(self._root), options)

    def _at(self, path: str) -> Path:
        return self._root / checked(path)

    def read(self, path: str) -> bytes:
        """See `Store.read`."""
        with self._explained(path):
            return self._at(path).read_bytes()

    def start(self, path: str, size: int) -> bytes:
        """See `Store.start`."""
        with self._explained(path), self._at(path).open("rb") as file:
            return file.read(size)

    def end(self, path: str, size: int) -> bytes:
        """See `Store.end`."""
        with self._explained(path), self._at(path).open("rb") as file:
            file.seek(-min(size, file.seek(0, os.SEEK_END)), os.SEEK_END)
            return file.read(size)

    def write(self, path: str, data: bytes) -> None:
        """See `Store.write`."""
        with self._explained(path, writing=True), self._aside(path, data) as temporary:
            temporary.replace(self._at(path))
            _sync_folder(self._at(path).parent)

    def create(self, path: str, data: bytes) -> bool:
        """See `Store.create`."""
        with self._explained(path, writing=True), self._aside(path, data) as temporary:
            try:
                _link(temporary, self._at(path))
            except FileExistsError:
                return False
            _sync_folder(self._at(path).parent)
            return True

    def exists(self, path: str) -> bool:
        """See `Store.exists`."""
        with self._explained(path):
            return self._at(path).is_file()

    def entry(self, path: str) -> Entry:
        """See `Store.entry`."""
        with self._explained(path):
            stat = self._at(path).stat()
        return Entry(path, stat.st_size, stat.st_mtime)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """See `Store.entries`."""
        with self._explained(prefix):
            for file in files_below(self._at(prefix)):
                if file != self._root and not _is_temporary(file.name):
                    yield from self._entry(file)

    def _entry(self, file: Path) -> Iterator[Entry]:
        path = file.relative_to(self._root).as_posix()
        try:
            stat = file.stat()
        except OSError as error:
            if file.is_symlink():
                yield Entry(path, 0, file.lstat().st_mtime, here=False)
            elif not isinstance(error, FileNotFoundError):
                raise
        else:
            yield Entry(path, stat.st_size, stat.st_mtime)

    def children(self, prefix: str = "") -> set[str]:
        """See `Store.children`."""
        try:
            with self._explained(prefix), os.scandir(self._at(prefix)) as found:
                return {
                    entry.name + "/" * entry.is_dir()
                    for entry in found
                    if not _is_temporary(entry.name)
                }
        except FileNotFoundError:
            return set()

    def delete_abandoned(self, older_than_s: float, prefix: str = "") -> int:
        """See `Store.delete_abandoned`."""
        oldest, removed = time.time() - older_than_s, 0
        with self._explained(prefix, writing=True):
            for file in self._at(prefix).rglob(f".*{_TEMPORARY}"):
                if file.stat().st_mtime < oldest:
                    file.unlink(missing_ok=True)
                    removed += 1
        return removed

    def clear_dead(self, prefix: str = "", *, deep: bool = True) -> int:
        """See `Store.clear_dead`."""
        removed = 0
        with self._explained(prefix, writing=True):
            pattern = f"{'**/' * deep}.*{_TEMPORARY}"
            for file in self._at(prefix).glob(pattern):
                if has_ended(file.name):
                    file.unlink(missing_ok=True)
                    removed += 1
        return removed

    def delete(self, path: str) -> None:
        """See `Store.delete`."""
        with self._explained(path, writing=True):
            self._at(path).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        """See `Store.delete_prefix`."""
        with self._explained(prefix, writing=True):
            if self._at(prefix).exists():
                shutil.rmtree(self._at(prefix))

    def zarr(self, prefix: str = "", *, read_only: bool = True) -> zarr.abc.store.Store:
        """See `Store.zarr`."""
        return LocalStore(self._at(prefix), read_only=read_only)

    @contextmanager
    def _aside(self, path: str, data: bytes) -> Iterator[Path]:
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        own = f"{mark()}-{uuid.uuid4().hex[:8]}"
        temporary = target.with_name(f".{target.name}.{own}{_TEMPORARY}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def _explained(self, path: str, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise _absent(self._at(path)) from error
        except OSError as error:
            if error.errno == errno.ENOTDIR and not writing:
                raise _absent(self._at(path)) from error
            explain = _writing_error if writing else _reading_error
            raise explain(self._at(path), error) from error


def _absent(path: Path) -> FileNotFoundError:
    link = away(path)
    if link is None:
        return FileNotFoundError(f"{path} does not exist")
    return AwayError(str(link), str(link.readlink()))


def _reading_error(path: Path, error: OSError) -> Exception:
    text = f"{path}: {_problem(error)}."
    if error.errno == errno.EISDIR:
        return UnreadableError(f"{text} Name a file.")
    if error.errno in _NOT_READABLE:
        return UnreadableError(f"{text} Allow reading it (chmod or chown).")
    return DiskError(f"{text} Check the disk, or copy the file again.")


def _writing_error(path: Path, error: OSError) -> Exception:
    text, other = f"{path}: {_problem(error)}.", "or choose another location with storage.url."
    if error.errno in _FULL:
        return RunError(f"{text} Free space there, {other}")
    if error.errno in _NOT_WRITABLE:
        return UserError(f"{text} Allow writing there, {other}")
    return RunError(f"{text} Check the disk, {other}")


def _problem(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(_TEMPORARY)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Such disks (FAT, some network shares) can show the new file before it is complete.
        with target.open("xb") as file:
            file.write(source.read_bytes())


def _sync_folder(folder: Path) -> None:
    # A rename is durable only once its directory is synced.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
