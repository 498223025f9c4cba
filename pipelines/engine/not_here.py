"""Files missing from a dataset: broken links, other formats."""

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
    """Return the error for a person's file that cannot be read.

    Parameters
    ----------
    path : str
        Path in the dataset.
    error : AwayError, UnreadableError or DiskError
    """
    if not isinstance(error, AwayError):
        return SubjectError(f"{path} cannot be read: {error}", f"Otherwise, {OR_EXCLUDE[3:]}")
    return SubjectError(
        f"{path} is a link whose content was not fetched.", f"{fetched(path, error.target)}"
    )


def fetched(path: str, target: str) -> str:
    """Return how to fetch a link's content: with DataLad for git-annex."""
    if ".git/annex" in target.replace("\\", "/"):
        return f"Fetch it: datalad get {path}, {OR_EXCLUDE}"
    return f"Add its target ({target}), {OR_EXCLUDE}"


@contextmanager
def why_missing(store: Store, label: str) -> Iterator[None]:
    """Explain why a person's image was not found.

    Raises
    ------
    SubjectError
        Unchanged, or with the finding: an empty folder, a broken link, an image in another format.
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
    return SubjectError(f"{error.reason[:-1]}: {label}/ has no files.", error.remedy)


def packed(store: Store, folder: str) -> str | None:
    """Describe an archive in place of a folder; None for none."""
    place = folder.rstrip("/")
    found = next((place + end for end in _ARCHIVES if store.exists(place + end)), None)
    return None if found is None else f"{found} is not unpacked"


def _found_instead(entries: Sequence[Entry], suffix: str, error: SubjectError) -> SubjectError:
    gone = [entry for entry in entries if not entry.here and _HOLDS_ANATOMY.search(entry.path)]
    if gone:
        return SubjectError(
            f"{error.reason[:-1]}: {gone[0].path} is a link to a folder that was not fetched.",
            f"Fetch it (datalad get {gone[0].path} for DataLad), {OR_EXCLUDE}",
        )
    for entry in sorted(entries, key=lambda own: own.path):
        name = _OTHER_FORMAT.match(entry.path)
        if name and name[2] == suffix and name["ending"] not in _NO_IMAGE:
            return in_another_format(entry.path, f"{error.reason[:-1]}: ")
    return error
