"""What the lake keeps of a finished study: provenance and tables, so that it opens from there."""

from __future__ import annotations

import json

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.outputs.finished import study_key
from rt1t2_dask.pipelines.outputs.states import PROVENANCE
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.provenance import run_path
from rt1t2_dask.storage.stores import Store

TEXTS = (".tsv", ".json")
FOLDERS = ("", "group")
OF_FILES = ("/inputs.tsv", "/failures.tsv")


def run_name(config: Config) -> str:
    """Return the name that a study's runs are recorded by in its lake."""
    key, labels = study_key(config), sorted(config.labels or ())
    return digest([key, config.level, labels]) if labels or config.level != "study" else key


def run_folder(cohort: str, run: str) -> str:
    """Return the folder of a run in the lake."""
    return run_path(cohort, run).rpartition("/")[0]


def keep(lake: Lake, config: Config, store: Store, provenance: bytes) -> None:
    """Copy the tables and documents of an output folder into the lake, the provenance last.

    Parameters
    ----------
    store : Store
        The output folder.
    provenance : bytes
        Of the finished study, which the folder does not have yet.
    """
    top = run_folder(config.cohort.name, run_name(config))
    lake.store.delete(f"{top}/{PROVENANCE}")
    lake.store.delete_prefix(f"{top}/group")
    for name in _texts(store):
        lake.store.write(f"{top}/{name}", store.read(name))
    lake.store.write(f"{top}/{PROVENANCE}", provenance)


def is_kept(lake: Lake, cohort: str, run: str) -> bool:
    """Return whether a lake keeps a finished study of a run."""
    return lake.store.exists(f"{run_folder(cohort, run)}/{PROVENANCE}")


def copy_kept(lake: Lake, cohort: str, run: str, target: Lake) -> bool:
    """Copy what a lake keeps of a study to others' lake, without the names of files that were read.

    Returns
    -------
    bool
        Whether there is anything.
    """
    top = run_folder(cohort, run)
    path = f"{top}/{PROVENANCE}"
    if not is_kept(lake, cohort, run):
        return False
    known = json.loads(lake.store.read(path))
    target.store.delete(path)
    for name in lake.store.list(top):
        if name not in (path, run_path(cohort, run)) and not name.endswith(OF_FILES):
            target.store.write(name, lake.store.read(name))
    known.pop("inputs", None)
    target.store.write(path, json.dumps(known, indent=2, ensure_ascii=False).encode())
    return True


def _texts(store: Store) -> list[str]:
    """Name the tables and documents of an output folder, without its provenance."""
    found = [
        f"{folder}/{name}".lstrip("/") for folder in FOLDERS for name in store.children(folder)
    ]
    return sorted(name for name in found if name.endswith(TEXTS) and name != PROVENANCE)
