"""A finished run given to others: another lake, or a tagged snapshot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from rt1t2_dask.config.study import Storage
from rt1t2_dask.errors import UserError
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.provenance import list_runs
from rt1t2_dask.storage.publish import publish, publish_icechunk

WORDS = ("to", "cohort", "run", "form", "stages")
LAKE, ICECHUNK = "lake", "icechunk"
Run = tuple[str, str]


def run_publish(storage: Storage, words: Mapping[str, str]) -> int:
    """Publish a run.

    Parameters
    ----------
    storage : Storage
        The lake that holds the run.
    words : mapping of str to str
        ``to``: URL of the target; ``cohort`` and ``run``: which, where the lake holds several;
        ``form``: ``lake`` (default) or ``icechunk``; ``stages``: names with commas, else all.

    Returns
    -------
    int
        0

    Raises
    ------
    UserError
        When the target is missing, or it is not clear which run is meant.
    """
    if not words.get("to"):
        raise UserError("lake=publish needs a place: to=PATH or to=s3://bucket/prefix.")
    form = words.get("form", LAKE)
    if form not in FORMS:
        raise UserError(f"form={form}: choose from {', '.join(FORMS)}.")
    lake = Lake(storage.url, storage.options())
    cohort, run = _chosen(lake, words)
    options = _target_options(storage, words["to"])
    said = FORMS[form](lake, (cohort, run), words["to"], options, words.get("stages"))
    sys.stdout.write(f"published {cohort} {run} to {words['to']}: {said}\n")
    return 0


def _chosen(lake: Lake, words: Mapping[str, str]) -> Run:
    there = list_runs(lake)
    fitting = [
        (cohort, run)
        for cohort, run in there
        if words.get("cohort", cohort) == cohort and run.startswith(words.get("run", ""))
    ]
    if len(fitting) == 1:
        return fitting[0]
    listed = "; ".join(f"cohort={cohort} run={run}" for cohort, run in fitting or there)
    which = "no run fits" if not fitting else f"{len(fitting)} runs fit"
    raise UserError(f"{which}; the lake holds: {listed or 'none'}.")


def _target_options(storage: Storage, url: str) -> dict[str, Any]:
    """Return the lake's own endpoint and region where the target is of the same kind."""
    same = urlsplit(url).scheme == urlsplit(storage.url).scheme
    return storage.options() if same else {}


def _to_lake(lake: Lake, run: Run, url: str, options: Mapping[str, Any], stages: str | None) -> str:
    names = None if stages is None else stages.split(",")
    parts = publish(lake, *run, Lake(url, options), names)
    return f"{len(parts)} parts, each with consolidated metadata"


def _to_icechunk(
    lake: Lake, run: Run, url: str, options: Mapping[str, Any], stages: str | None
) -> str:
    if stages is not None:
        raise UserError("form=icechunk publishes all stages of a run; leave stages out.")
    return f"snapshot {publish_icechunk(lake, *run, url, options)}"


FORMS: dict[str, Callable[[Lake, Run, str, Mapping[str, Any], str | None], str]] = {
    LAKE: _to_lake,
    ICECHUNK: _to_icechunk,
}
