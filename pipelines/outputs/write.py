"""Writing a study's results: the folder is either of one run, or says that it is incomplete."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from rt1t2_dask.pipelines.analysis import Results
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.finished import Finished, study_key
from rt1t2_dask.pipelines.outputs.folder import write_group_map
from rt1t2_dask.pipelines.outputs.kept import keep
from rt1t2_dask.pipelines.outputs.states import COMPLETE, PROVENANCE
from rt1t2_dask.pipelines.outputs.tables import json_bytes, write_table
from rt1t2_dask.pipelines.sessions.tables import with_sessions
from rt1t2_dask.storage.stores import Store


def is_written(store: Store, study: Finished) -> bool:
    """Whether the folder holds just these results, whole."""
    known = outputs.read_provenance(store) or {}
    complete = known.get("state") == COMPLETE and known.get("run") == study.key()
    return complete and (study.page is None or store.exists(study.page))


def write_results(
    executor: Executor, store: Store, study: Finished, timing: Mapping[str, Any]
) -> None:
    """Write everything the contract names; the provenance, which says so, last."""
    config = study.config
    outputs.claim_folder(store, config, study_key(config))
    study.write_dataset(store)
    people = study.write_people(executor, store)
    results = [analysis.results(study) for analysis in study.group.analyses]
    for each in results:
        _write_group(store, each, study)
    document = study.provenance() | {"timings": dict(timing)}
    study.write_report(store, results, people, document)
    state = {
        "state": COMPLETE,
        "study": study_key(config),
        "run": study.key(),
        "images": outputs.image_key(config),
        "simulated": study.simulated,
        "lake": study.lake.store.url,
    }
    provenance = json_bytes(state | document)
    keep(study.lake, config, store, provenance)
    store.write(PROVENANCE, provenance)


def _write_group(store: Store, results: Results, study: Finished) -> None:
    """Write the tables, documents, maps and people's files of one analysis."""
    simulated = study.simulated
    documents = {n: {"simulated": simulated, **own} for n, own in results.documents.items()}
    for name, rows in results.tables.items():
        table = with_sessions(rows, study.people)
        write_table(store, f"group/{name}.tsv", table, documents.pop(name, None))
    for name, document in documents.items():
        store.write(f"group/{name}.json", json_bytes(document))
    for each in results.maps:
        write_group_map(store, each.name, each.stat, each.volume, simulated, each.desc)
    for file in results.people:
        store.write(file.path, file.content)
