"""Find each person's input files and their checksums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import pandas as pd

from rt1t2_dask.bids.masks import Choice
from rt1t2_dask.config.study import Config, Storage
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.pipelines.engine.not_here import cannot_be_read, why_missing
from rt1t2_dask.pipelines.engine.places import located
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.people.file_columns import found_near
from rt1t2_dask.pipelines.people.folders import as_on_disk, require_place, top_names
from rt1t2_dask.pipelines.people.source import Files, Row, source_of
from rt1t2_dask.pipelines.people.surfaces import surface_choices
from rt1t2_dask.pipelines.quality.duplicate_scans import (
    content_keys,
    duplicates,
    same_for_both_contrasts,
)
from rt1t2_dask.storage.base import NOT_READ
from rt1t2_dask.storage.checksums import Checksums
from rt1t2_dask.storage.stores import Store, open_store

SCANS = ("t1w", "t2w", "t2w_raw", "map")
Sum = Callable[[Store, str], str]
"""A function of store and path to a checksum."""


@dataclass(frozen=True)
class Found:
    """Files found, and reasons why people cannot be processed, by label.

    Parameters
    ----------
    passed : mapping of str to tuple of str
        Possible lesion masks of a person that are not read.
    """

    files: Mapping[str, Files]
    reasons: Mapping[str, str]
    passed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, people: pd.DataFrame) -> Found:
        """Return the same for a subset of people."""
        labels = set(people["participant_id"])
        files = {label: own for label, own in self.files.items() if label in labels}
        reasons = {label: why for label, why in self.reasons.items() if label in labels}
        passed = {label: own for label, own in self.passed.items() if label in labels}
        return Found(files, reasons, passed)


def find_inputs(config: Config, people: pd.DataFrame, checksum: Sum | None = None) -> Found:
    """Find the files of all people.

    Parameters
    ----------
    people : DataFrame
        From `rt1t2_dask.pipelines.people.table.read_people`.
    checksum : callable, optional
        Replaces the true checksum, for a plan that does not read every file.

    Raises
    ------
    UserError
        No person has the required files, or ``source.lesion`` matches no file.
    """
    files: dict[str, Files] = {}
    reasons: dict[str, str] = {}
    passed: dict[str, tuple[str, ...]] = {}
    top, source = top_names(config), source_of(config)
    for record in people.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        label = row["participant_id"]
        row["participant_id"] = as_on_disk(source.label_of(row), top)
        try:
            require_place(config, row, top)
            files[label], passed[label] = input_files(config, row, top, checksum)
        except SubjectError as error:
            reasons[label] = str(error)
    _require_somebody(config, files, reasons)
    sums = {label: [file.sha256 for file in _scans(own)] for label, own in files.items()}
    found = without_duplicates(Found(files, reasons), sums)
    return replace(found, passed={label: own for label, own in passed.items() if own})


def without_duplicates(found: Found, keys: Mapping[str, Sequence[str]]) -> Found:
    """Remove people who share a scan, or have one scan as both contrasts.

    Parameters
    ----------
    keys : mapping of str to sequence of str
        Keys of each person's scans; equal for equal bytes.
    """
    reasons = {
        **found.reasons,
        **same_for_both_contrasts(keys),
        **duplicates(keys, "byte for byte"),
    }
    kept = {label: own for label, own in found.files.items() if label not in reasons}
    return replace(found, files=kept, reasons=reasons)


def by_content(found: Found) -> dict[str, list[str]]:
    """Return content keys for `without_duplicates` where checksums are predicted."""
    scans = [(label, file) for label, own in found.files.items() for file in _scans(own)]
    keys: dict[str, list[str]] = {label: [] for label in found.files}
    for (label, _), key in zip(scans, content_keys([file for _, file in scans]), strict=True):
        keys[label].append(key)
    return keys


def _scans(own: Files) -> list[InputFile]:
    return [own[role] for role in SCANS if role in own]


def _require_somebody(
    config: Config, files: Mapping[str, Files], reasons: Mapping[str, str]
) -> None:
    if reasons and not files:
        alike = {label: why.replace(label, "sub-…") for label, why in reasons.items()}
        most, n = Counter(alike.values()).most_common(1)[0]
        text = most if n > 1 else next(iter(reasons.values()))
        raise UserError(
            f"source.root={config.source.root}: none of {len(reasons)} people can be processed; "
            f"for {n}: {text}"
        )
    pattern = getattr(config.source, "lesion", None)
    if pattern and not any("lesion" in own for own in files.values()):
        raise UserError(f"source.lesion={pattern}: no person has such a file.")


def input_files(
    config: Config, row: Row, top: Collection[str], checksum: Sum | None = None
) -> tuple[Files, tuple[str, ...]]:
    """Find one person's files with checksums, and lesion masks that are not read.

    Parameters
    ----------
    top : collection of str
        Top-level names of the dataset.

    Raises
    ------
    SubjectError
        A file is missing or the choice is ambiguous.
    """
    source = source_of(config)
    with why_missing(source.store, row["participant_id"]):
        choices, passed = source.choose(row, top)
        choices = {**choices, **surface_choices(config, row)}
    known = {
        role: _known(config, role, row, found, checksum or known_checksums(config.storage).of)
        for role, found in choices.items()
        if found
    }
    return source.more_files(row) | known, passed


def _known(config: Config, role: str, row: Row, found: Choice, checksum: Sum) -> InputFile:
    root, name = located(config.source.root, found.path)
    options = config.storage.options()
    try:
        sha256 = checksum(open_store(root, options), name)
    except NOT_READ as error:
        raise cannot_be_read(found.path, error) from error
    except FileNotFoundError:
        near = found_near(open_store(root, options), name, row["participant_id"], role)
        raise _not_there(found.path, near, role) from None
    return InputFile(root, name, sha256, options, found.reason)


def _not_there(path: str, near: str | None, role: str) -> SubjectError:
    if near is None:
        remedy = "Add it or correct the participants table."
        return SubjectError(f"{path} is not in source.root.", remedy)
    return SubjectError(
        f"{path} is not in source.root, but {near}.",
        f"Rename it, or write that path into a column {role} of the participants table.",
    )


@cache
def known_checksums(storage: Storage) -> Checksums:
    """Return the checksums of input files cached in a lake."""
    return Checksums(open_store(storage.url, storage.options()))
