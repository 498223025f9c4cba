"""Writing a study's results: the folder is either of one run, or says that it is incomplete."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.calibration.section import calibration_tables
from rt1t2_dask.pipelines.contrasts import results
from rt1t2_dask.pipelines.contrasts.clusters import PEAKS, TABLE
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.regional import TABLE as EFFECTS
from rt1t2_dask.pipelines.contrasts.thresholds import TABLE as THRESHOLDS
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import Failure, PersonPlan
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs import page
from rt1t2_dask.pipelines.outputs.finished import Finished, study_key
from rt1t2_dask.pipelines.outputs.folder import json_bytes, tsv_bytes, write_group_map
from rt1t2_dask.pipelines.people.inputs_table import input_table
from rt1t2_dask.pipelines.permutations.permute import PermuteSettings
from rt1t2_dask.pipelines.quality.pictures import write_pictures
from rt1t2_dask.pipelines.quality.table import quality_table
from rt1t2_dask.pipelines.sites.meta_plan import MetaPlan
from rt1t2_dask.pipelines.study.participants import write_quality
from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.stats.glm.effect_sizes import effect_size_of
from rt1t2_dask.stats.permutation.null import p_uncorrected
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store

log = logging.getLogger("rt1t2_dask")
INPUTS = "group/inputs.tsv"
CALIBRATION = ("group/calibration.tsv", "group/calibration_people.tsv")
META_STATISTICS = {
    "z": "stat_z",
    "effect": "stat_effect",
    "i2": "stat_i2",
    "q": "stat_q",
    "leastz": "stat_least",
}
STATISTICS = {
    "t": "stat_t",
    "effect": "stat_effect",
    "d": "stat_d",
    "n": "stat_n",
    "dof": "stat_dof",
}
LEAST = {"mde": "stat_mde", "mdeEffect": "stat_mde_effect", "mdeEta2": "stat_mde_eta2"}


def is_written(store: Store, key: str) -> bool:
    """Whether the folder holds just these results, whole."""
    known = outputs.read_provenance(store) or {}
    complete = known.get("state") == outputs.COMPLETE and known.get("run") == key
    return complete and store.exists("report.html")


def write_results(
    executor: Executor, store: Store, study: Finished, provenance: Mapping[str, Any]
) -> None:
    """Write everything the contract names; the provenance, which says so, last."""
    config, lake = study.config, study.lake
    outputs.claim_folder(store, config, study_key(config))
    outputs.write_dataset(store, config, study.people)
    outputs.write_failures(store, study.failures)
    _write_inputs(store, lake, study.everybody)
    outputs.write_people(executor, lake, store, config, study.everybody)
    quality = quality_table(lake, config, study.everybody)
    mosaics = write_pictures(executor, store, study, quality)
    for name, plan in study.cohort.contrasts.items():
        _write_contrast(store, lake, name, plan, config.simulated)
    for name, meta in study.cohort.meta.items():
        _write_meta(store, lake, name, meta, config.simulated)
    calibration = calibration_tables(study)
    for path, rows in zip(CALIBRATION, calibration or (), strict=False):
        store.write(path, tsv_bytes(rows))
    content = page.gather(study, provenance, quality, mosaics, calibration)
    _write_tables(store, content)
    for name, rows in content.receptor_details.items():
        store.write(f"group/receptors_{name}.tsv", tsv_bytes(rows))
    page.write_report(store, content, config.report)
    document = {
        "state": outputs.COMPLETE,
        "study": study_key(config),
        "run": study.key(),
        "images": outputs.image_key(config),
        "simulated": config.simulated,
    }
    store.write(outputs.PROVENANCE, json_bytes(document | dict(provenance)))


def write_failed(
    executor: Executor, store: Store, config: Config, lake: Lake, people: pd.DataFrame,
    plans: Sequence[PersonPlan], failures: Sequence[Failure],
) -> None:  # fmt: skip
    """Write who failed and the maps of the others; there are no group results."""
    outputs.claim_folder(store, config, study_key(config))
    outputs.write_dataset(store, config, people)
    outputs.write_failures(store, failures)
    _write_inputs(store, lake, plans)
    outputs.write_people(executor, lake, store, config, tuple(plans))
    write_quality(lake, store, config, plans, ())


def _write_inputs(store: Store, lake: Lake, plans: Sequence[PersonPlan]) -> None:
    """Write what was read of everybody; say how much of it is odd."""
    table = input_table(lake, plans)
    store.write(INPUTS, tsv_bytes(table))
    odd = int(table["warnings"].notna().sum())
    if odd:
        log.warning("%d of %d files have notes: see %s", odd, len(table), INPUTS)


def _write_contrast(
    store: Store, lake: Lake, name: str, plan: ContrastPlan, simulated: bool
) -> None:
    _write_statistics(store, lake, name, plan, simulated)
    tables = [
        ("peaks", plan.clusters.part, PEAKS),
        ("effects", plan.effects.part, EFFECTS),
        ("parcels", plan.parcels.part, EFFECTS),
    ]
    if plan.thresholds is not None:
        tables.append(("thresholds", plan.thresholds.part, THRESHOLDS))
    scale = lake.record(plan.contrast.part)["scale"]
    for label, part, file in tables:
        rows = results.table_of(lake, part, file)
        rows = rows.assign(scale=scale) if file == EFFECTS else rows
        store.write(f"group/contrast-{name}_{label}.tsv", tsv_bytes(rows))
    store.write(f"group/contrast-{name}_design.tsv", tsv_bytes(results.design_table(plan)))
    if plan.permute is not None:
        _write_permuted(store, lake, name, plan.permute, simulated)
        summary = results.permutation_summary(lake, plan)
        assert summary is not None
        document = {"simulated": simulated} | summary
        store.write(f"group/contrast-{name}_permutation.json", json_bytes(document))
    rows = results.cluster_rows(lake, plan)
    store.write(f"group/contrast-{name}_clusters.tsv", tsv_bytes(rows))


def _write_statistics(
    store: Store, lake: Lake, name: str, plan: ContrastPlan, simulated: bool
) -> None:
    """Write the maps of a contrast, its effect size and the smallest effect it would find."""
    maps, least = lake.read(plan.contrast.part), lake.read(plan.detectable.part)
    main = "t" if plan.design.q == 1 else "F"
    slope = effect_size_of(plan.design) == "partial_r"
    for stat, array in STATISTICS.items():
        if array in maps and not (slope and stat == "d"):
            label = main if stat == "t" else stat
            write_group_map(store, name, label, to_volume(maps[array]), simulated)
    for label, array in LEAST.items():
        if array in least:
            write_group_map(store, name, label, to_volume(least[array]), simulated)
    if "stat_explained" in maps:
        t, share = to_volume(maps["stat_t"]), to_volume(maps["stat_explained"])
        values = np.sign(t.data) * np.sqrt(share.data) if slope else share.data
        write_group_map(store, name, "r" if slope else "eta2", t.with_data(values), simulated)


def _write_permuted(store: Store, lake: Lake, name: str, permute: Task, simulated: bool) -> None:
    """Write -log10 p of each voxel: family-wise, and alone unless the run could stop early."""
    permuted = lake.read(permute.part)
    fwe = to_volume(permuted["fwe"])
    write_group_map(store, name, "t", fwe, simulated, desc="fwe")
    if "fwe_tfce" in permuted:
        write_group_map(store, name, "tfce", to_volume(permuted["fwe_tfce"]), simulated, desc="fwe")
    if not permute.settings_as(PermuteSettings).early_stop:
        exceed = to_volume(permuted["exceedances"]).data
        p = p_uncorrected(exceed, lake.record(permute.part)["n"])
        alone = np.where(np.isfinite(fwe.data), -np.log10(p), np.nan).astype(np.float32)
        write_group_map(store, name, "t", fwe.with_data(alone), simulated, desc="uncorrected")


def _write_meta(store: Store, lake: Lake, name: str, plan: MetaPlan, simulated: bool) -> None:
    """Write the meta-analysis of a contrast over sites: z, heterogeneity, clusters."""
    maps = lake.read(plan.meta.part)
    for label, array in META_STATISTICS.items():
        write_group_map(store, name, label, to_volume(maps[array]), simulated, desc="meta")
    rows = results.table_of(lake, plan.clusters.part, TABLE)
    store.write(f"group/contrast-{name}_desc-meta_clusters.tsv", tsv_bytes(rows))


def _write_tables(store: Store, content: ReportContent) -> None:
    tables = {
        "parcels": content.parcels,
        "quality": content.quality,
        "calibration_sensitivity": content.calibration_sensitivity,
        "edge_sensitivity": content.edge_sensitivity,
        "receptors": content.receptors,
        "demographics": content.demographics,
        "demographics_pairs": content.age_pairs,
    }
    for name, rows in tables.items():
        if rows is not None:
            path = f"group/{name}.tsv"
            store.write(path, tsv_bytes(rows))
