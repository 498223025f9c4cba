"""Duplicate scans of two people, or of both contrasts, by file bytes and by voxels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.storage.base import NOT_READ
from rt1t2_dask.storage.keys import checksum, digest
from rt1t2_dask.storage.stores import open_store

# gzip writes its checksum into the last eight bytes of a file.
END_BYTES, START_BYTES = 65536, 512
Key = Callable[[InputFile], str]
"""A key that is equal for files that may be equal."""


def duplicates(scans: Mapping[str, Iterable[str]], how: str) -> dict[str, str]:
    """Find people with the same scan.

    Parameters
    ----------
    scans : mapping of str to iterable of str
        The checksums of a person's scans, by label.
    how : str
        What is equal, such as "byte for byte".

    Returns
    -------
    dict of str to str
        Reason why each of these people cannot be processed, by label.
    """
    owners: dict[str, list[str]] = defaultdict(list)
    for label, own in scans.items():
        for sha in sorted(set(own)):
            owners[sha].append(label)
    shared = {sha: labels for sha, labels in owners.items() if len(labels) > 1}
    return {
        label: str(_error(label, [other for other in labels if other != label], how))
        for labels in shared.values()
        for label in labels
    }


def _error(label: str, others: list[str], how: str) -> SubjectError:
    return SubjectError(
        f"{label} and {', '.join(others)} have the same image, {how}.",
        "Use each person's own scan, or leave all but one out with cohort.exclude.",
    )


def same_for_both_contrasts(scans: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Find people with one scan as both contrasts; arguments as `duplicates`."""
    error = SubjectError(
        "T1w and T2w are the same image, byte for byte.",
        "Add the missing contrast, or leave the subject out with cohort.exclude.",
    )
    return {label: str(error) for label, own in scans.items() if len(set(own)) < len(own)}


def content_keys(files: Sequence[InputFile]) -> list[str]:
    """Return a key for each file, equal for files with the same bytes.

    Only files of equal size and last bytes are read completely.
    """
    keys = [""] * len(files)
    left = list(range(len(files)))
    for key in (_size, _ends, _content):
        groups: dict[str, list[int]] = defaultdict(list)
        for number in left:
            keys[number] = _tried(key, files[number])
            groups[keys[number]].append(number)
        left = [number for members in groups.values() if len(members) > 1 for number in members]
    return keys


def _tried(key: Key, file: InputFile) -> str:
    """Return the key of a file; its path if it cannot be read, which is reported elsewhere."""
    try:
        return file.sha256 if file.members else key(file)
    except (FileNotFoundError, *NOT_READ):
        return f"{file.root}/{file.path}"


def _size(file: InputFile) -> str:
    return str(open_store(file.root, file.options).entry(file.path).size)


def _ends(file: InputFile) -> str:
    store = open_store(file.root, file.options)
    parts = (store.start(file.path, START_BYTES), store.end(file.path, END_BYTES))
    return digest([_size(file), *map(checksum, parts)])


def _content(file: InputFile) -> str:
    return checksum(file.read())
