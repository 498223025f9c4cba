"""Find each person's input files and their checksums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pandas as pd

from rt1t2_dask.bids import files as bids_files
from rt1t2_dask.bids.files import Choice, Wanted
from rt1t2_dask.config.study import (
    BidsSource,
    Config,
    DerivativesSource,
    DicomSource,
    MapsSource,
    Storage,
)
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.pipelines.engine.stage import InputFile
from rt1t2_dask.pipelines.people.dicom import series_files
from rt1t2_dask.pipelines.people.file_columns import found_near, named_path
from rt1t2_dask.pipelines.people.folders import MAP_NAME, as_on_disk, require_place, top_names
from rt1t2_dask.pipelines.people.not_here import cannot_be_read, why_missing
from rt1t2_dask.pipelines.people.places import for_person, located, variants
from rt1t2_dask.pipelines.people.scans import MASKS, bids_scans, derivatives
from rt1t2_dask.pipelines.quality.duplicate_scans import (
    content_keys,
    duplicates,
    same_for_both_contrasts,
)
from rt1t2_dask.storage.base import NOT_READ
from rt1t2_dask.storage.checksums import Checksums
from rt1t2_dask.storage.stores import Store, open_store

SCANS = ("t1w", "t2w", "t2w_raw", "map")
Files = dict[str, InputFile]
Row = Mapping[str, Any]
Chosen = dict[str, Choice | None]
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
    top = top_names(config)
    for record in people.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        label = row["participant_id"]
        row["participant_id"] = as_on_disk(label, top)
        try:
            require_place(config.source, row, top)
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
    store = open_store(config.source.root, config.storage.options())
    with why_missing(store, row["participant_id"]):
        choices, passed = _all_choices(config, store, row, top)
    known = {
        role: _known(config, role, row, found, checksum or known_checksums(config.storage).of)
        for role, found in choices.items()
        if found
    }
    if isinstance(config.source, DicomSource):
        scans = series_files(config.source, row["participant_id"], config.storage.options())
        return scans | known, ()
    return known, passed


def _all_choices(
    config: Config, store: Store, row: Row, top: Collection[str]
) -> tuple[Chosen, tuple[str, ...]]:
    source = config.source
    if isinstance(source, MapsSource):
        return {role: Choice(path, "") for role, path in _map_paths(row).items()}, ()
    masks = _named_masks(config, row)
    if isinstance(source, DicomSource):
        return masks, ()
    if isinstance(source, DerivativesSource):
        return derivatives(config, source, store, row, masks) | masks, ()
    if isinstance(source, BidsSource):
        found = bids_scans(source, store, row, top, masks)
    else:
        paths = list(store.list(f"{row['participant_id']}/"))
        found = bids_files.scans(paths, [], Wanted(), given=masks)
    by_name = {"t1w": found.t1w, "t2w": found.t2w} | {m: getattr(found, m) for m in MASKS}
    named = masks.get("lesion")
    passed = tuple(path for path in found.passed if named is None or path != named.path)
    return by_name | masks, passed


def _map_paths(row: Row) -> dict[str, str]:
    path, mask = named_path(row, "map"), named_path(row, "mask")
    paths = {"map": path or MAP_NAME.format(row["participant_id"])}
    return paths | ({"mask": mask} if mask else {})


def _named_masks(config: Config, row: Row) -> Chosen:
    """Find the masks set by a column of the table or a setting; these precede BIDS names."""
    named: Chosen = {}
    source, label = config.source, row["participant_id"]
    if not isinstance(source, BidsSource | DicomSource | DerivativesSource):
        return named
    if source.brain_mask:
        path = _existing(config, source.brain_mask, label)
        if path is None:
            raise SubjectError(
                f"there is no brain mask {for_person(source.brain_mask, label)}.",
                "Add it, or correct source.brain_mask.",
            )
        named["brain_mask"] = Choice(path, "by source.brain_mask")
    if "lesion" in row:
        path = named_path(row, "lesion")
        named["lesion"] = Choice(path, "by the column lesion") if path else None
    elif source.lesion:
        path = _existing(config, source.lesion, label)
        named["lesion"] = Choice(path, "by source.lesion") if path else None
    return named


def _existing(config: Config, pattern: str, label: str) -> str | None:
    """Resolve a pattern for a person; None if there is no such file, compressed or not."""
    for path in variants(for_person(pattern, label)):
        root, name = located(config.source.root, path)
        if open_store(root, config.storage.options()).exists(name):
            return path
    return None


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
