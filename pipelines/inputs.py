"""Each person's input files: found, chosen, known by their checksums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from rt1t2_dask import bids_files
from rt1t2_dask.bids_files import Choice, Wanted
from rt1t2_dask.config import (
    BidsSource,
    Config,
    DerivativesSource,
    DicomSource,
    MapsSource,
    Storage,
)
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.pipelines.derivatives_inputs import derived_choices
from rt1t2_dask.pipelines.dicom_inputs import series_files
from rt1t2_dask.pipelines.doubles import doubled
from rt1t2_dask.pipelines.not_here import cannot_be_read, why_missing
from rt1t2_dask.pipelines.places import for_person, located, variants
from rt1t2_dask.pipelines.stage import InputFile
from rt1t2_dask.storage.base import NOT_READ
from rt1t2_dask.storage.checksums import Checksums
from rt1t2_dask.storage.stores import Store, open_store

MAP_NAME = "{}_T1wT2wratio.nii.gz"
SCANS = ("t1w", "t2w", "t2w_raw", "map")
Files = dict[str, InputFile]
Row = Mapping[str, Any]
Sum = Callable[[Store, str], str]
"""Checksum of a file of a store."""


@dataclass(frozen=True)
class Found:
    """Who has which files, and who cannot be processed and why, by label."""

    files: Mapping[str, Files]
    reasons: Mapping[str, str]

    def of(self, people: pd.DataFrame) -> Found:
        """Give the same for some of the people."""
        labels = set(people["participant_id"])
        files = {label: own for label, own in self.files.items() if label in labels}
        reasons = {label: why for label, why in self.reasons.items() if label in labels}
        return Found(files, reasons)


def find_inputs(config: Config, people: pd.DataFrame, checksum: Sum | None = None) -> Found:
    """Find everybody's files.

    Parameters
    ----------
    people : DataFrame
        As `rt1t2_dask.pipelines.people.read_people` gives.
    checksum : callable, optional
        In place of the true one, for a plan that is not to read every file.

    Raises
    ------
    UserError
        Nobody has the files that are needed, or ``source.lesion`` finds nothing for anybody.
    """
    files: dict[str, Files] = {}
    reasons: dict[str, str] = {}
    for record in people.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        try:
            files[row["participant_id"]] = input_files(config, row, checksum)
        except SubjectError as error:
            reasons[row["participant_id"]] = str(error)
    _require_somebody(config, files, reasons)
    scans = {
        label: [own[role].sha256 for role in SCANS if role in own] for label, own in files.items()
    }
    reasons |= doubled(scans, "byte for byte")
    kept = {label: own for label, own in files.items() if label not in reasons}
    return Found(kept, reasons)


def _require_somebody(
    config: Config, files: Mapping[str, Files], reasons: Mapping[str, str]
) -> None:
    if reasons and not files:
        alike = Counter(why.replace(label, "sub-…") for label, why in reasons.items())
        most, n = alike.most_common(1)[0]
        raise UserError(
            f"source.root={config.source.root}: nobody of {len(reasons)} people can be processed; "
            f"for {n}: {most}"
        )
    pattern = getattr(config.source, "lesion", None)
    if pattern and not any("lesion" in own for own in files.values()):
        raise UserError(f"source.lesion={pattern}: there is no such file for anybody.")


def input_files(config: Config, row: Row, checksum: Sum | None = None) -> Files:
    """Find one person's files and their checksums.

    Raises
    ------
    SubjectError
        When a file is missing or the choice is not clear.
    """
    store = open_store(config.source.root, config.storage.options())
    with why_missing(store, row["participant_id"]):
        choices = _all_choices(config, store, row)
    known = {
        role: _known(config, found, checksum or known_checksums(config.storage).of)
        for role, found in choices.items()
        if found
    }
    if isinstance(config.source, DicomSource):
        scans = series_files(config.source, row["participant_id"], config.storage.options())
        return scans | known
    return known


def _all_choices(config: Config, store: Store, row: Row) -> dict[str, Choice | None]:
    if isinstance(config.source, MapsSource):
        return {role: Choice(path, "") for role, path in _map_paths(row).items()}
    masks = _named_masks(config, row)
    if isinstance(config.source, DicomSource):
        return masks
    return _choices(config, store, row["participant_id"]) | masks


def _choices(config: Config, store: Store, label: str) -> dict[str, Choice | None]:
    if isinstance(config.source, DerivativesSource):
        options = config.storage.options()
        needed = config.given_transform
        return derived_choices(config.source, label, options, needs_transform=needed)
    return _scan_choices(config, store, label)


def _map_paths(row: Row) -> dict[str, str]:
    path = row.get("map")
    paths = {"map": path if isinstance(path, str) else MAP_NAME.format(row["participant_id"])}
    mask = row.get("mask")
    return paths | ({"mask": mask} if isinstance(mask, str) else {})


def _scan_choices(config: Config, store: Store, label: str) -> dict[str, Choice | None]:
    derived: list[str] = []
    wanted = Wanted()
    if isinstance(config.source, BidsSource):
        source = config.source
        wanted = Wanted(source.session, source.run, source.t1w, source.t2w)
        derived = _derived(store, label)
    found = bids_files.scans(list(store.list(f"{label}/")), derived, wanted)
    return {"t1w": found.t1w, "t2w": found.t2w, "lesion": found.lesion} | {
        "brain_mask": found.brain_mask
    }


def _derived(store: Store, label: str) -> list[str]:
    """List a person's files in the datasets that lie in ``derivatives/``."""
    folders = sorted(name for name in store.children("derivatives") if name.endswith("/"))
    return [path for name in folders for path in store.list(f"derivatives/{name}{label}/")]


def _named_masks(config: Config, row: Row) -> dict[str, Choice | None]:
    """Find the masks that a column of the table or a setting names; these go before BIDS names."""
    named: dict[str, Choice | None] = {}
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
        path = row["lesion"] if isinstance(row["lesion"], str) else None
        named["lesion"] = Choice(path, "by the column lesion") if path else None
    elif source.lesion:
        path = _existing(config, source.lesion, label)
        named["lesion"] = Choice(path, "by source.lesion") if path else None
    return named


def _existing(config: Config, pattern: str, label: str) -> str | None:
    """Fill a pattern in for a person; None where there is no such file, gzipped or not."""
    for path in variants(for_person(pattern, label)):
        root, name = located(config.source.root, path)
        if open_store(root, config.storage.options()).exists(name):
            return path
    return None


def _known(config: Config, found: Choice, checksum: Sum) -> InputFile:
    root, name = located(config.source.root, found.path)
    options = config.storage.options()
    try:
        sha256 = checksum(open_store(root, options), name)
    except NOT_READ as error:
        raise cannot_be_read(found.path, error) from error
    except FileNotFoundError:
        raise SubjectError(
            f"{found.path} is not in source.root.", "Add it or correct the participants table."
        ) from None
    return InputFile(root, name, sha256, options, found.reason)


@cache
def known_checksums(storage: Storage) -> Checksums:
    """Give what a lake remembers of input files."""
    return Checksums(open_store(storage.url, storage.options()))
