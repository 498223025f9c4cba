"""Records of runs in every lake they write to, for garbage collection."""

from __future__ import annotations

from collections.abc import Iterable

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.outputs.kept import run_name
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.provenance import write_run


def record_run(lake: Lake, config: Config, parts: Iterable[Part]) -> None:
    """Record in a lake the parts that a run makes or copies there, before the first one.

    Parameters
    ----------
    lake : Lake
        The study's lake, or that of a site.
    config : Config
        Of the study; a run that makes people's maps alone has its own record.
    parts : iterable of Part
        All of them: the record is replaced.
    """
    keys: dict[str, set[str]] = {}
    for part in parts:
        keys.setdefault(part.stage, set()).add(part.key)
    record = {"parts": {stage: sorted(own) for stage, own in keys.items()}}
    write_run(lake, config.cohort.name, run_name(config), record)
