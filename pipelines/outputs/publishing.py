"""A finished run given to others: another lake, or a tagged snapshot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rt1t2_dask.config.study import Storage
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.opened.find import find_study
from rt1t2_dask.pipelines.opened.study import Study
from rt1t2_dask.pipelines.outputs.kept import copy_kept, is_kept
from rt1t2_dask.pipelines.outputs.published import publication
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.provenance import list_runs
from rt1t2_dask.storage.publish import publish, publish_icechunk
from rt1t2_dask.storage.published import Publication, publish_dataset, refuse_foreign
from rt1t2_dask.storage.stores import Store, open_store

WORDS = ("to", "cohort", "run", "form", "stages")
LAKE, DATASET, ICECHUNK = "lake", "dataset", "icechunk"
Run = tuple[str, str]


def run_publish(storage: Storage, words: Mapping[str, str], dry_run: bool = False) -> int:
    """Publish a run.

    Parameters
    ----------
    storage : Storage
        The lake that holds the run.
    words : mapping of str to str
        ``to``: URL of the target; ``cohort`` and ``run``: which, where the lake holds several;
        ``form``: ``lake`` (default: the parts, and the dataset where the run is finished),
        ``dataset`` (that alone) or ``icechunk``; ``stages``: parts of these stages alone, names
        with commas.
    dry_run : bool
        Say which run would go where, and write nothing.

    Returns
    -------
    int
        0

    Raises
    ------
    UserError
        When the target is missing or in the lake, or it is not clear which run is meant.
    """
    if not words.get("to"):
        raise UserError("lake=publish needs a place: to=PATH or to=s3://bucket/prefix.")
    form = words.get("form", LAKE)
    if form not in FORMS:
        raise UserError(f"form={form}: choose from {', '.join(FORMS)}.")
    _require_elsewhere(storage.url, words["to"])
    lake = Lake(storage.url, storage.options())
    cohort, run = _chosen(lake, words)
    if dry_run:
        sys.stdout.write(f"would publish {cohort} {run} to {words['to']} (form={form})\n")
        return 0
    options = _target_options(storage, words["to"])
    said = FORMS[form](lake, (cohort, run), words["to"], options, words.get("stages"))
    sys.stdout.write(f"published {cohort} {run} to {words['to']}: {said}\n")
    return 0


def _require_elsewhere(lake: str, to: str) -> None:
    """Refuse a target that is the lake or lies in it, whose records it would replace."""
    here, there = (
        (place if "://" in place else str(Path(place).expanduser().resolve())).rstrip("/") + "/"
        for place in (lake, to)
    )
    if there.startswith(here):
        raise UserError(f"to={to} is in the lake {lake}; publish to another place.")


def _chosen(lake: Lake, words: Mapping[str, str]) -> Run:
    there = list_runs(lake)
    fitting = [
        (cohort, run)
        for cohort, run in there
        if words.get("cohort", cohort) == cohort and run.startswith(words.get("run", ""))
    ]
    finished = [run for run in there if is_kept(lake, *run)]
    chosen = [run for run in fitting if run in finished] or fitting
    if len(chosen) == 1:
        return chosen[0]
    listed = "; ".join(
        f"cohort={run[0]} run={run[1]}{' (finished)' if run in finished else ''}"
        for run in fitting or there
    )
    which = "no run fits" if not fitting else f"{len(fitting)} runs fit; add run=KEY"
    raise UserError(f"{which}; the lake holds: {listed or 'none'}.")


def _target_options(storage: Storage, url: str) -> dict[str, Any]:
    """Return the lake's own endpoint and region where the target is of the same kind."""
    same = urlsplit(url).scheme == urlsplit(storage.url).scheme
    return storage.options() if same else {}


def _to_lake(lake: Lake, run: Run, url: str, options: Mapping[str, Any], stages: str | None) -> str:
    names = None if stages is None else stages.split(",")
    finished, target = is_kept(lake, *run), Lake(url, options)
    asked = _asked(lake, run, target.store) if finished and names is None else None
    parts = publish(lake, *run, target, names)
    said = f"{len(parts)} parts, each with consolidated metadata"
    if not copy_kept(lake, *run, target):
        return f"{said}; no dataset, since the run is not finished"
    return said if asked is None else f"{said}; {_dataset(asked, run, target.store, url)}"


def _to_dataset(
    lake: Lake, run: Run, url: str, options: Mapping[str, Any], stages: str | None
) -> str:
    if stages is not None:
        raise UserError("form=dataset publishes maps, regions and contrasts; leave stages out.")
    if not is_kept(lake, *run):
        raise UserError(f"cohort={run[0]} run={run[1]} is not finished; run the study to its end.")
    target = open_store(url, options)
    study = _study(lake, run)
    return _dataset(_described(study, run, target), run, target, url)


def _asked(lake: Lake, run: Run, target: Store) -> Publication | None:
    """Describe the dataset of a run before anything is written; None where it has no maps."""
    study = _study(lake, run)
    return None if study.why_no_maps else _described(study, run, target)


def _described(study: Study, run: Run, target: Store) -> Publication:
    """Describe the dataset of a study, for which the target has room."""
    refuse_foreign(target, _folder(run))
    return publication(study, run[1])


def _folder(run: Run) -> str:
    return f"{run[0]}.zarr"


def _study(lake: Lake, run: Run) -> Study:
    return Study(find_study(lake.store.url, lake.store.options, *run))


def _dataset(asked: Publication, run: Run, target: Store, url: str) -> str:
    """Publish the dataset; say how it is opened."""
    publish_dataset(target, _folder(run), asked)
    return f'xarray.open_zarr("{url.rstrip("/")}/{_folder(run)}") opens its maps'


def _to_icechunk(
    lake: Lake, run: Run, url: str, options: Mapping[str, Any], stages: str | None
) -> str:
    if stages is not None:
        raise UserError("form=icechunk publishes all stages of a run; leave stages out.")
    return f"snapshot {publish_icechunk(lake, *run, url, options)}"


FORMS: dict[str, Callable[[Lake, Run, str, Mapping[str, Any], str | None], str]] = {
    LAKE: _to_lake,
    DATASET: _to_dataset,
    ICECHUNK: _to_icechunk,
}
