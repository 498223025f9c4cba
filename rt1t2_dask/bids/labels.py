"""Variant spellings of labels that may be the same person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from rt1t2_dask.bids.names import entities
from rt1t2_dask.errors import SubjectError

SHOWN = 5
PREFIX = re.compile(r"^(sub(ject)?[-_ ]*)+")
SESSION = re.compile(r"[-_ ]+ses-?.*$")


def plain(label: str) -> str:
    """Normalise a label: without prefix, leading zeros, punctuation and case."""
    composed = unicodedata.normalize("NFC", label).casefold()
    bare = SESSION.sub("", PREFIX.sub("", composed)).removesuffix(".0")
    letters = "".join(letter for letter in bare if letter.isalnum())
    return re.sub(r"0*(\d+)", r"\1", letters)


def similar_labels(label: str, others: Iterable[str]) -> list[str]:
    """Return the labels that are equal after normalisation."""
    return [other for other in others if plain(other) == plain(label)]


def with_similar(labels: Iterable[str], others: Iterable[str]) -> str:
    """List the first labels, each with its variant that exists: ``sub-1 (sub-01 exists)``."""
    known, every = list(others), sorted(labels)
    text = []
    for label in every[:SHOWN]:
        near = " and ".join(similar_labels(label, known))
        text.append(f"{label} ({near} exists)" if near else label)
    return ", ".join(text) + (", ..." if len(every) > SHOWN else "")


def require_own(paths: Iterable[str]) -> None:
    """Refuse files in the folder of a person or session that are named for another.

    Zeros, punctuation and case may differ, labels may have underscores; a name without ``sub-``
    belongs to its folder.

    Raises
    ------
    SubjectError
    """
    for path in paths:
        for key, what in (("sub", "person"), ("ses", "session")):
            folders = [part for part in path.split("/")[:-1] if part.startswith(f"{key}-")]
            named = f"{key}-{entities(path).get(key, '')}"
            if not folders or named == f"{key}-" or f"{folders[-1]}_" in path.split("/")[-1]:
                continue
            if plain(named) != plain(folders[-1]):
                raise SubjectError(
                    f"{path} is named for another {what}.",
                    f"Rename it if it is of {folders[-1]}, or move it to {named}, or leave "
                    "the subject out with cohort.exclude.",
                )
