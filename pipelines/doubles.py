"""One scan given for two people: by the bytes of the files, and by the voxels in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from rt1t2_dask.errors import SubjectError


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
