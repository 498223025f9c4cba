"""Files set by a setting, at any location."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.storage.base import AwayError
from rt1t2_dask.storage.keys import checksum
from rt1t2_dask.storage.stores import open_store


def local_file(path: str, setting: str) -> InputFile:
    """Read a file set by a setting.

    Raises
    ------
    UserError
        There is no such file.
    """
    folder, name = _place(path)
    try:
        content = open_store(folder).read(name)
    except AwayError:
        raise UserError(
            f"{setting}={path}: a link whose content was not fetched. Fetch it: datalad get {path}."
        ) from None
    except FileNotFoundError:
        raise UserError(f"{setting}={path}: there is no such file.") from None
    return InputFile(folder, name, checksum(content))


def is_there(path: str) -> bool:
    """Return whether there is a file, at any location."""
    folder, name = _place(path)
    return open_store(folder).exists(name)


@contextmanager
def of_setting(setting: str, path: str) -> Iterator[None]:
    """Blame a setting, and nobody of the cohort, for an image that cannot be used.

    Raises
    ------
    UserError
        In place of `SubjectError`, whose remedies are for people's own images.
    """
    try:
        yield
    except SubjectError as error:
        raise UserError(f"{error.reason} Repair {path}, or name another file.") from None


def _place(path: str) -> tuple[str, str]:
    """Return folder and name."""
    if "://" in path:
        folder, _, name = path.rpartition("/")
        return folder, name
    whole = Path(path).expanduser()
    return str(whole.parent.resolve()), whole.name
