"""One analysis of all sites' people from the files that each handed on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.pipelines.contrasts.clusters import PEAKS, TABLE
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.contrasts.stages import CLUSTERS
from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.engine.progress import start_logging
from rt1t2_dask.pipelines.engine.runs import record_run
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.engine.work import complete_parts, missing_tasks, run_tasks
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.dataset import SIMULATED, description
from rt1t2_dask.pipelines.outputs.finished import study_key
from rt1t2_dask.pipelines.outputs.folder import json_bytes, tsv_bytes, write_group_map
from rt1t2_dask.pipelines.outputs.write import STATISTICS
from rt1t2_dask.pipelines.people.section import compared_pairs
from rt1t2_dask.pipelines.share.design import wanted_of
from rt1t2_dask.pipelines.share.files import SiteFile, read_files
from rt1t2_dask.pipelines.share.pooled import TABLE as REGIONS
from rt1t2_dask.pipelines.share.stages import POOLED
from rt1t2_dask.sites.joint import build
from rt1t2_dask.stats.demographics import joint_demographics, joint_pairs
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.provenance import environment
from rt1t2_dask.storage.stores import Store, open_store

log = logging.getLogger("rt1t2_dask")
WITHOUT_PEOPLE = (
    "Sums of people allow no permutations, no lesion overlap and no receptor correlations, and one "
    "variance for all groups (contrast.variance=equal): where groups differ in variance and in "
    "number, p are wrong. p of clusters are of random-field theory."
)


@dataclass(frozen=True)
class _Contrast:
    """A contrast's maps and its cluster table."""

    maps: Task
    clusters: Task


def run_combine(config: Config, cluster: LazyCluster | None = None) -> int:
    """Combine the files of several sites.

    Returns
    -------
    int
        0; whatever is wrong is raised.

    Raises
    ------
    UserError
        The files are not of one analysis, or it cannot be done from sums.
    """
    start_logging()
    config = _check(config)
    store = open_store(config.output_dir, config.storage.options())
    outputs.check_folder(store, config, study_key(config))
    files = read_files(config)
    planned, notes = _plan(config, files)
    for note in notes:
        log.warning("%s", note)
    if config.dry_run or config.check:
        log.info("%d contrasts of %d sites from their sums", len(planned), len(files))
        return 0
    lake = Lake(config.storage.url, config.storage.options())
    tasks = [task for one in planned.values() for task in (one.maps, one.clusters)]
    record_run(lake, config, (task.part for task in tasks))
    todo = missing_tasks(tasks, [task.part for task in tasks], complete_parts(lake, tasks))
    with ExitStack() as stack:
        own = cluster or LazyCluster(config, stack)
        failed = run_tasks(own(), lake, todo, lambda _: None) if todo else {}
    for part, reason in failed.items():
        raise RunError(f"stage {part.stage} failed: {reason}")
    _write(config, store, lake, files, planned, notes)
    log.info("done: %s/group", config.output_dir)
    return 0


def _check(config: Config) -> Config:
    """Return the settings that sums allow: one variance for all groups.

    Raises
    ------
    UserError
    """
    if config.contrast.variance == "spm_unequal":
        raise UserError(
            f"contrast.variance={config.contrast.variance} needs people one by one; "
            "share=combine tests with contrast.variance=equal."
        )
    if config.site.model == "combat":
        raise UserError(
            "site.model=combat changes each person's map before it is summed; share=combine takes "
            "site.model=covariate or none."
        )
    return config.model_copy(
        update={"contrast": config.contrast.model_copy(update={"variance": "equal"})}
    )


def _plan(config: Config, files: Sequence[SiteFile]) -> tuple[dict[str, _Contrast], list[str]]:
    grams = [one.grams() for one in files]
    planned: dict[str, _Contrast] = {}
    notes = [WITHOUT_PEOPLE]
    for name, form in config.cohort.every_contrast().items():
        try:
            wanted = wanted_of(form, tuple(config.cohort.groups), config.site.model != "none")
        except UserError as error:
            notes.append(f"No contrast {name}: {error}")
            continue
        build(grams, wanted)
        settings = {
            "groups": list(wanted.groups),
            "covariates": list(wanted.covariates),
            "contrast": wanted.contrast.tolist(),
            "sites": wanted.sites,
            "reference": config.cohort.reference,
            "min_group_n": config.contrast.min_group_n,
            "min_group_share": config.contrast.min_group_share,
            "space": config.space,
        }
        maps = POOLED.task(settings, {}, {"site": tuple(one.file for one in files)})
        table = {"p": config.contrast.p, "extent_mm3": config.contrast.extent_mm3}
        planned[name] = _Contrast(maps, CLUSTERS.task(table, {"contrast": maps.part}))
    return planned, notes


def _write(
    config: Config, store: Store, lake: Lake, files: Sequence[SiteFile],
    planned: dict[str, _Contrast], notes: Sequence[str],
) -> None:  # fmt: skip
    """Write the tables and maps of the group; the provenance, which says so, last."""
    simulated = bool(files[0].about["simulated"])
    outputs.claim_folder(store, config, study_key(config))
    sites = _site_table(config, files)
    store.write("dataset_description.json", json_bytes(_description(config, files, simulated)))
    store.write("group/sites.tsv", tsv_bytes(sites))
    store.write("group/calibration.tsv", tsv_bytes(_protocol_table(files)))
    store.write("group/demographics.tsv", tsv_bytes(_demographics(config, files)))
    store.write("group/demographics_pairs.tsv", tsv_bytes(_age_pairs(config, files)))
    for name, one in planned.items():
        _write_contrast(store, lake, name, one, simulated)
    document = {
        "state": outputs.COMPLETE,
        "study": study_key(config),
        "simulated": simulated,
        "config": config.model_dump(mode="json"),
        "files": {one.site: {one.file.path: one.file.sha256} for one in files},
        "notes": list(notes),
        "environment": environment(),
        "group_parts": {
            name: {task.stage: task.part.key for task in (one.maps, one.clusters)}
            for name, one in planned.items()
        },
    }
    store.write(outputs.PROVENANCE, json_bytes(document))


def _description(config: Config, files: Sequence[SiteFile], simulated: bool) -> dict[str, Any]:
    mark = f"{SIMULATED}: " if simulated else ""
    known = description(config)
    return known | {
        "Name": f"{mark}T1w/T2w ratio of cohort {config.cohort.name}, from sums of sites",
        "SourceDatasets": [{"URL": f"urn:sha256:{one.file.sha256}"} for one in files],
        "DatasetLinks": {},
        "simulated": simulated,
    }


def _write_contrast(store: Store, lake: Lake, name: str, one: _Contrast, simulated: bool) -> None:
    maps, record = lake.read(one.maps.part), lake.record(one.maps.part)
    main = "t" if record["numerator"] is None else "F"
    for stat, array in STATISTICS.items():
        if array in maps:
            label = main if stat == "t" else stat
            write_group_map(store, name, label, to_volume(maps[array]), simulated)
    for label, part, file in (
        ("clusters", one.clusters.part, TABLE),
        ("peaks", one.clusters.part, PEAKS),
        ("parcels", one.maps.part, REGIONS),
    ):
        rows = table_of(lake, part, file)
        store.write(f"group/contrast-{name}_{label}.tsv", tsv_bytes(rows))


def _site_table(config: Config, files: Sequence[SiteFile]) -> pd.DataFrame:
    """Say of each site who is there and how much of the brain its cells cover."""
    rows = []
    for one in files:
        own, cells = one.about["demographics"], one.about["cells"]
        people = one.grams().grams[:, 0, 0]
        present = one.arrays["share_present"].to_numpy()
        shares = present.mean(axis=1) @ people / people.sum()
        counts = {group: own.get(group, {}).get("n", 0) for group in config.cohort.groups}
        ages = {
            f"age_mean_{g}": d["age_sum"] / d["age_n"] if d["age_n"] else np.nan
            for g, d in own.items()
        }
        rows.append({"site": one.site, **counts, **ages, "cells": len(cells), "shared": shares})
    return pd.DataFrame(rows)


def _protocol_table(files: Sequence[SiteFile]) -> pd.DataFrame:
    """Say what each site found of the gain of its protocols."""
    rows = [
        {"site": one.site, **{k: v for k, v in protocol.items() if k != "sums"}}
        for one in files
        for protocol in one.about.get("protocols", [])
    ]
    return pd.DataFrame(rows)


def _demographics(config: Config, files: Sequence[SiteFile]) -> pd.DataFrame:
    return joint_demographics(_sums(config, files), config.cohort.reference)


def _age_pairs(config: Config, files: Sequence[SiteFile]) -> pd.DataFrame:
    return joint_pairs(_sums(config, files), compared_pairs(config))


def _sums(config: Config, files: Sequence[SiteFile]) -> dict[str, list[dict[str, Any]]]:
    """Return what each site tells of the ages and sexes of a group, by group."""
    return {
        group: [one.about["demographics"][group] for one in files if group in one.about["groups"]]
        for group in config.cohort.groups
    }
