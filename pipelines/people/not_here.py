"""Files that a dataset names and does not hold: dead links, other formats."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rt1t2_dask.bids.formats import OR_EXCLUDE, in_another_format
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.storage.base import AwayError, DiskError, Entry, Store, UnreadableError

_MISSING = re.compile(r"there is no \S*_(T1w|T2w)\b")
_HOLDS_ANATOMY = re.compile(r"(^|/)(anat|sub-[^/.]+|ses-[^/.]+)$")
_OTHER_FORMAT = re.compile(r"^(?P<stem>.*_(T1w|T2w))\.(?P<ending>.+)$")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")
_NO_IMAGE = ("json", "tsv", "txt", "html", "svg", "png", "nii", "nii.gz")


def cannot_be_read(path: str, error: AwayError | UnreadableError | DiskError) -> SubjectError:
    """Say of a person's file that is named, and cannot be read, what to do.

    Parameters
    ----------
    path : str
        As the dataset names it.
    error : AwayError, UnreadableError or DiskError
    """
    if not isinstance(error, AwayError):
        return SubjectError(f"{path} cannot be read: {error}", f"Otherwise, {OR_EXCLUDE[3:]}")
    return SubjectError(
        f"{path} is a link whose content is not here.", f"{fetched(path, error.target)}"
    )


def fetched(path: str, target: str) -> str:
    """Return how to get what a link leads to: by DataLad where git-annex made it."""
    if ".git/annex" in target.replace("\\", "/"):
        return f"Fetch it: datalad get {path}, {OR_EXCLUDE}"
    return f"Bring what it leads to ({target}), {OR_EXCLUDE}"


@contextmanager
def why_missing(store: Store, label: str) -> Iterator[None]:
    """Say more where a person's image is not found: what lies in its place.

    Raises
    ------
    SubjectError
        As it came, or with what was found: nothing at all, a link that leads nowhere, an image
        in another format.
    """
    try:
        yield
    except SubjectError as error:
        missing = _MISSING.search(error.reason)
        if missing is None:
            raise
        entries = list(store.entries(label))
        if not entries:
            raise _nothing_there(store, label, error) from None
        raise _found_instead(entries, missing[1], error) from None


def _nothing_there(store: Store, label: str, error: SubjectError) -> SubjectError:
    archive = packed(store, label)
    if archive is not None:
        return SubjectError(f"{error.reason[:-1]}: {archive}.", f"Unpack it, {OR_EXCLUDE}")
    return SubjectError(f"{error.reason[:-1]}: no file at all is in {label}/.", error.remedy)


def packed(store: Store, folder: str) -> str | None:
    """Say which archive lies beside where a folder should be, None where there is none."""
    place = folder.rstrip("/")
    found = next((place + end for end in _ARCHIVES if store.exists(place + end)), None)
    return None if found is None else f"{found} is not unpacked"


def _found_instead(entries: Sequence[Entry], suffix: str, error: SubjectError) -> SubjectError:
    gone = [entry for entry in entries if not entry.here and _HOLDS_ANATOMY.search(entry.path)]
    if gone:
        return SubjectError(
            f"{error.reason[:-1]}: {gone[0].path} is a link to a folder that is not here.",
            f"Bring it (datalad get {gone[0].path}, where DataLad made it), {OR_EXCLUDE}",
        )
    for entry in sorted(entries, key=lambda own: own.path):
        name = _OTHER_FORMAT.match(entry.path)
        if name and name[2] == suffix and name["ending"] not in _NO_IMAGE:
            return in_another_format(entry.path, f"{error.reason[:-1]}: ")
    return error
