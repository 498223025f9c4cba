"""Folder names of a sweep: the settings themselves, or a unique short name."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

# File systems allow 255 bytes a name; figures and tables of a job add to the whole path.
MOST_BYTES = 120
UNSAFE = re.compile(r'[/\\:*?"<>|\x00-\x1f]')
DIGITS = 10


def folder_names(jobs: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the folder name of each job.

    Parameters
    ----------
    jobs : sequence of mapping of str to str
        The swept settings and their values in each job; all jobs differ.

    Returns
    -------
    list of str
        ``key=value`` of each setting, with commas between; ``job-`` and a digest of them where
        that is too long for a file system or is, to some file system, the name of two jobs: small
        and capital letters, composed and decomposed accents, and points and blanks at the end may
        be one there, and some characters no file name may hold. A digest does not depend on the
        other jobs, so that a larger sweep finds the folders of a smaller one.
    """
    plain = [UNSAFE.sub("_", ",".join(f"{k}={v}" for k, v in job.items())) for job in jobs]
    shared = Counter(map(one_folder, plain))
    return [
        _short(job) if shared[one_folder(name)] > 1 or len(name.encode()) > MOST_BYTES else name
        for name, job in zip(plain, jobs, strict=True)
    ]


def one_folder(name: str) -> str:
    """Return a normalised name, equal for names that are one folder on Windows or macOS."""
    alike = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return alike.rstrip(" .")


def _short(job: Mapping[str, str]) -> str:
    text = json.dumps(dict(job), sort_keys=True)
    return f"job-{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"
