"""People without a folder, and folders without a row in the table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rt1t2_dask.bids.labels import similar_labels
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.pipelines.people.source import source_of
from rt1t2_dask.storage.stores import open_store

MAP_NAME = "{}_T1wT2wratio.nii.gz"


def top_names(config: Config) -> set[str]:
    """List what lies at the top of a dataset; empty for sources that are no folder of people."""
    if not source_of(config).listed:
        return set()
    return open_store(config.source.root, config.storage.options()).children("")


def labels_of(names: Iterable[str]) -> list[str]:
    """Return the labels of the folders ``sub-*/`` among names."""
    return sorted(name.rstrip("/") for name in names if re.fullmatch(r"sub-.+/", name))


def require_place(config: Config, row: Mapping[str, Any], names: Collection[str]) -> None:
    """Refuse a person without a folder or map where one of a label that is alike is there.

    Parameters
    ----------
    row : mapping
        Row of the people.
    names : collection of str
        From `top_names`; no check if empty.

    Raises
    ------
    SubjectError
    """
    label, there = row["participant_id"], {name.rstrip("/") for name in names}
    source = source_of(config)
    place = source.place(row)
    if not names or place is None or place in there:
        return
    what = source.place_is
    ending = place.removeprefix(label) if place.startswith(label) else ""
    others = {name.removesuffix(ending): name for name in there if name.endswith(ending)}
    alike = sorted(others[other] for other in similar_labels(label, others))
    if alike:
        raise SubjectError(
            f"there is no {what} {place} in source.root, but {' and '.join(alike)}.",
            f"Change the participant_id to match the {what}.",
        )


def as_on_disk(label: str, names: Iterable[str]) -> str:
    """Return a label in the Unicode form of its folder or map: macOS decomposes umlauts."""
    forms = (name.rstrip("/").removesuffix(MAP_NAME.format("")) for name in names)
    return next((own for own in forms if own != label and composed(own) == label), label)


def composed(text: str) -> str:
    """Return a text in NFC, as tables are read."""
    return unicodedata.normalize("NFC", text)


def without_row(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the people with a folder ``sub-*`` but no row in the table."""
    listed = set(known)
    return [label for label in labels_of(names) if composed(label) not in listed]
