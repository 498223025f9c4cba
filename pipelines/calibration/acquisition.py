"""Acquisition parameters from headers and sidecars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from rt1t2_dask.bids.sidecars import acquisition
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.people.agents import described
from rt1t2_dask.storage.stores import Store, open_store

ROLES = {"t1w": "t1w", "t2w": "t2w", "t2w_raw": "t2w"}


def scan_facts(files: Mapping[str, InputFile], listings: dict[str, list[str]]) -> dict[str, Any]:
    """Read the acquisition parameters of one person's two scans.

    Parameters
    ----------
    files : mapping of str to InputFile
        By role.
    listings : dict
        Cache of folder listings; updated here.

    Returns
    -------
    dict
        Such as ``t1w.EchoTime``; empty if unknown.

    Raises
    ------
    SubjectError
        A sidecar cannot be read.
    """
    found: dict[str, Any] = {}
    for role, image in ROLES.items():
        if role in files:
            header = dict(files[role].acquired) or _from_sidecars(files[role], listings)
            found |= {f"{image}.{name}": value for name, value in header.items()}
    return found


def _from_sidecars(file: InputFile, listings: dict[str, list[str]]) -> dict[str, str | float]:
    if file.members:
        return {}
    store = open_store(file.root, file.options)
    listed = list(_beside_and_above(store, file, listings))
    return acquisition(described(store, file.path, listed))


def _beside_and_above(
    store: Store, file: InputFile, listings: dict[str, list[str]]
) -> Iterator[str]:
    for folder in PurePosixPath(file.path).parents:
        inside = "" if str(folder) == "." else str(folder)
        place = f"{file.root}|{inside}"
        if place not in listings:
            names = store.children(inside)
            listings[place] = [f"{inside}/{n}" if inside else n for n in names]
        yield from listings[place]
