"""One scan given for two people, or as both contrasts: by bytes of files, and by voxels in them."""

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
"""Equal for files that may be equal."""


def doubled(scans: Mapping[str, Iterable[str]], how: str) -> dict[str, str]:
    """Find scans that two people share.

    Parameters
    ----------
    scans : mapping of str to iterable of str
        The checksums of a person's scans, by label.
    how : str
        What is equal, as "byte for byte".

    Returns
    -------
    dict of str to str
        Why each of these people cannot be processed, by label.
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
        "Put each person's own scan there, or keep one of them with cohort.exclude.",
    )


def given_twice(scans: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Find people one of whose scans was given as both contrasts; arguments as `doubled`."""
    error = SubjectError(
        "T1w and T2w are the same image, byte for byte.",
        "Bring the missing contrast, or leave the subject out with cohort.exclude.",
    )
    return {label: str(error) for label, own in scans.items() if len(set(own)) < len(own)}


def content_keys(files: Sequence[InputFile]) -> list[str]:
    """Return for each file a key that is that of another where the bytes are the same.

    Few files are read to their end: those whose sizes and last bytes are equal.
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
    """Return the key of a file; its place where it cannot be read, which is said elsewhere."""
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
