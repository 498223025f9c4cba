"""Find a finished study: in its output folder, or in a lake by its cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rt1t2_dask.config.study import parse_storage
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.opened.folder import StudyFolder
from rt1t2_dask.pipelines.outputs.states import COMPLETE, PARTICIPANTS, PROVENANCE
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.provenance import list_runs
from rt1t2_dask.storage.stores import Store, open_store

LAKE_FOLDERS = {"parts/", "runs/"}

NOT_OURS = (ValueError, LookupError, TypeError, AttributeError)
"""Errors of reading a document that this program did not write, or that was changed."""


@dataclass(frozen=True)
class Found:
    """A finished study.

    Parameters
    ----------
    folder : StudyFolder
    provenance : mapping
    lake : Lake
        Of its parts, which is looked at when maps are asked for.
    """

    folder: StudyFolder
    provenance: Mapping[str, Any]
    lake: Lake


def find_study(
    place: str,
    options: Mapping[str, Any],
    cohort: str | None = None,
    run: str = "",
    lake: str | None = None,
) -> Found:
    """Find a study.

    Parameters
    ----------
    place : str
        Path or URL of an output folder or of a lake.
    options : mapping
        See `rt1t2_dask.storage.stores.open_store`.
    cohort : str, optional
        Of the study, where the place is a lake.
    run : str
        Beginning of the run's name; the newest where left out.
    lake : str, optional
        Where the lake lies now, if not where it was.

    Raises
    ------
    UserError
        There is no study, or it is not finished.
    """
    store = open_store(place, options)
    if store.exists(PROVENANCE):
        if run:
            raise UserError(f"{place} is an output folder, which holds one run; leave out run=.")
        folder = StudyFolder(store)
        provenance = _finished(folder, place, cohort)
        return Found(folder, provenance, _lake_of(provenance, place, options, lake))
    if not store.children() & LAKE_FOLDERS:
        raise UserError(_no_study(store, place))
    own = Lake(place, options)
    folder = _newest(own, place, cohort, run)
    return Found(folder, _finished(folder, place, cohort), own)


def _no_study(store: Store, place: str) -> str:
    there = ", ".join(sorted(store.children())[:5])
    held = f"it holds {there}" if there else "it is empty or missing"
    if {"zarr.json"} <= store.children():
        return f'{place} is a dataset of its own; open it with xarray.open_zarr("{place}").'
    return (
        f"{place} holds no study: there is no {PROVENANCE} ({held}). Name the output_dir of a "
        "finished study, or a lake with cohort=NAME."
    )


def _finished(folder: StudyFolder, place: str, cohort: str | None) -> dict[str, Any]:
    """Read the provenance of a study that is whole and, if asked, of this cohort."""
    found = _provenance(folder)
    state = found.get("state")
    if state == PARTICIPANTS:
        raise UserError(
            f"{place} holds people's maps and no results of a group yet; run the same command "
            "with level=study."
        )
    if state != COMPLETE:
        raise UserError(f"{place}: the study is not finished; run the same command again.")
    name = found["config"]["cohort"]["name"]
    if cohort not in (None, name):
        raise UserError(f"{place} holds the study of cohort {name}, not {cohort}.")
    return found


def _provenance(folder: StudyFolder) -> dict[str, Any]:
    """Read a provenance that says what a finished one must."""
    try:
        found: Any = folder.document(PROVENANCE)
        if found["state"] == COMPLETE:
            config = found["config"]
            _ = config["cohort"]["name"], {**config["storage"]}, found["simulated"]
        if not isinstance(found.get("lake"), str | None):
            raise TypeError("the lake is no place")
        return dict(found)
    except NOT_OURS:
        raise damaged(folder) from None


def damaged(folder: StudyFolder) -> UserError:
    """Return the error for a provenance that does not say what a finished study's does."""
    return UserError(f"{folder.url}/{PROVENANCE} is damaged; run the study again.")


def require_forms(about: Mapping[str, Any]) -> None:
    """Raise TypeError where settings that later reads rely on are of other kinds."""
    cohort = about["config"]["cohort"]
    contrasts = cohort.get("contrasts") or {}
    if not isinstance(about["simulated"], bool):
        raise TypeError("a truth value is none")
    mappings = (cohort, contrasts, *contrasts.values(), about.get("group_parts") or {})
    texts = (cohort["name"], *(cohort.get("categorical") or ()))
    if not all(isinstance(own, Mapping) for own in mappings):
        raise TypeError("a mapping is none")
    if not all(isinstance(own, str) for own in texts):
        raise TypeError("a text is none")


def _newest(lake: Lake, place: str, cohort: str | None, run: str) -> StudyFolder:
    """Return what the lake keeps of the newest finished run of a cohort."""
    runs = list_runs(lake)
    cohorts = ", ".join(dict.fromkeys(name for name, _ in runs)) or "none"
    if cohort is None:
        raise UserError(f"{place} is a lake; add cohort=NAME, of: {cohorts}.")
    if cohort not in {name for name, _ in runs}:
        raise UserError(f"{place} has no run of cohort {cohort}; it has: {cohorts}.")
    kept = [
        entry
        for entry in lake.store.entries(f"runs/{cohort}")
        if entry.path.endswith(f"/{PROVENANCE}") and entry.path.split("/")[2].startswith(run)
    ]
    if not kept:
        wanted = f"finished run {run}" if run else "finished run"
        raise UserError(
            f"{place} has no {wanted} of cohort {cohort}; run the study to its end (one that "
            "version 0.1 made: again), or open its output folder."
        )
    newest = max(kept, key=lambda entry: (entry.modified, entry.path))
    return StudyFolder(lake.store, newest.path.rpartition("/")[0])


def _lake_of(
    provenance: Mapping[str, Any], place: str, options: Mapping[str, Any], moved: str | None
) -> Lake:
    """Return the lake of an output folder, with the options that are known of such a place."""
    storage = parse_storage(provenance["config"]["storage"])
    url = moved or provenance.get("lake") or storage.url
    scheme = urlsplit(url).scheme
    known = storage.options() if scheme == urlsplit(storage.url).scheme else {}
    given = options if urlsplit(place).scheme in ("", "file", scheme) else {}
    return Lake(url, {**known, **given})
