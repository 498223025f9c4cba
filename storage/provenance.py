"""Run documents: software, settings and parts of each run."""

import json
import platform
import re
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from rt1t2_dask.errors import RunError
from rt1t2_dask.json_text import parsed_object
from rt1t2_dask.storage.keys import canonical, plain
from rt1t2_dask.storage.parts import Lake, Part

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=,+-]*")
_DISTRIBUTION = "rt1t2-dask"
FINISHED = "provenance.json"


def run_path(cohort: str, run: str) -> str:
    """Return the path of a run's document in the lake; ValueError for invalid names."""
    for name in (cohort, run):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of letters, digits and . _ = , + -")
    return f"runs/{cohort}/{run}/run.json"


def write_run(lake: Lake, cohort: str, run: str, document: Mapping[str, Any]) -> str:
    """Write or replace a run's document.

    Written after planning, before the first part, it protects all the run's parts from garbage
    collection.

    Parameters
    ----------
    lake : Lake
    cohort, run : str
        Names; never of participants.
    document : Mapping
        JSON values; ``document["parts"]`` maps each stage to the list of its part keys.

    Returns
    -------
    str
        Path in the lake.
    """
    path = run_path(cohort, run)
    run_parts(document)
    lake.store.write(path, _readable(document))
    return path


def _readable(document: Mapping[str, Any]) -> bytes:
    values = plain(document)
    canonical(values)
    return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()


def run_parts(document: Mapping[str, Any]) -> set[Part]:
    """Return the parts of a run's document; ValueError if it has none."""
    stages = document.get("parts")
    if not isinstance(stages, Mapping) or not all(map(_is_list_of_text, stages.values())):
        raise ValueError('a run document needs "parts": {stage: [key, ...]}')
    return {Part(stage, key) for stage, keys in stages.items() for key in keys}


def _is_list_of_text(found: Any) -> bool:
    return isinstance(found, list | tuple) and all(isinstance(one, str) for one in found)


def list_runs(lake: Lake, holding: str = "run.json") -> list[tuple[str, str]]:
    """Return the sorted (cohort, run) of every run in the lake that has a document of this name.

    A run that has finished has its ``FINISHED``, too.
    """
    paths = (path.split("/") for path in lake.store.list("runs"))
    return sorted(
        (p[1], p[2])
        for p in paths
        if len(p) == 4 and p[3] == holding and all(map(_NAME.fullmatch, p[1:3]))
    )


def read_run(lake: Lake, cohort: str, run: str) -> dict[str, Any]:
    """Read the document of a run; FileNotFoundError if there is none, RunError if damaged."""
    path = run_path(cohort, run)
    try:
        document = parsed_object(lake.store.read(path))
    except ValueError as error:
        raise RunError(f"{lake.store.url}/{path} is not JSON ({error}). Restore it.") from error
    try:
        run_parts(document)
    except ValueError as error:
        raise RunError(f"{lake.store.url}/{path} is damaged ({error}). Restore it.") from error
    return document


def environment() -> dict[str, Any]:
    """Return Python, platform and the version of every dependency."""
    required = [line for line in metadata.requires(_DISTRIBUTION) or [] if "extra ==" not in line]
    names = {re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in required}
    installed = {name: _version(name) for name in sorted(names | {_DISTRIBUTION}, key=str.lower)}
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": {name: version for name, version in installed.items() if version},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
