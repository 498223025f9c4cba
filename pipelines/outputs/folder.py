"""The output folder: BIDS derivatives, written whole and never over another configuration's."""

from __future__ import annotations

import io
import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask import json_text
from rt1t2_dask.atlas import dseg
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.nifti import to_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import Failure, PersonPlan
from rt1t2_dask.pipelines.outputs import dataset, sidecar
from rt1t2_dask.pipelines.outputs.states import (
    COMPLETE,
    INCOMPLETE,
    PARTICIPANTS,
    PEOPLE,
    PROVENANCE,
)
from rt1t2_dask.pipelines.outputs.tables import json_bytes, tsv_bytes, write_table
from rt1t2_dask.pipelines.people.table import shown
from rt1t2_dask.pipelines.sessions.tables import of_people, session_tables
from rt1t2_dask.ratio.scaled import scaled
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store

log = logging.getLogger("rt1t2_dask")

FAILURES = "failures.tsv"
QUALITY = "group/quality.tsv"
IMAGES = (
    *("source", "checks", "template", "resample", "lesion"),
    *("normalise", "calibration", "smooth"),
)
LOOKED_AT = ("source", "checks", "template", "normalise")
SCANNER, MNI = 1, 4
KEPT = ("multirun", "share")
OURS = ("group/", "figures/", "sub-")
IGNORED = (
    "**/*_T1wT2wratio.nii.gz",
    "**/*_T1wT2wratio.json",
    "**/*_statmap.nii.gz",
    "**/*_statmap.json",
    "**/*.shape.gii",
    "**/*.dscalar.nii",
    "**/*_space-fsaverage5_*.json",
    "**/*_space-fsLR_*.json",
    "sub-*.html",
    "group",
    "share",
    "figures",
    "**/figures",
    "failures.tsv",
    "failures.json",
    "provenance.json",
    "settings.yaml",
    "methods.md",
    "references.bib",
    "report.html",
    "quality.html",
    "atlas-Neuromorphometrics_dseg.tsv",
    "atlas-Neuromorphometrics_dseg.json",
)


def read_provenance(store: Store) -> dict[str, Any] | None:
    """Read what an output folder says of itself; None where it says nothing."""
    try:
        return json_text.parsed_object(store.read(PROVENANCE))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}


def check_folder(store: Store, config: Config, study: str) -> None:
    """Make sure that the output folder may be written.

    Parameters
    ----------
    study : str
        Digest of the settings that decide the numbers.

    Raises
    ------
    UserError
        Another configuration's results, or files that are not ours, lie there.
    """
    known = read_provenance(store)
    if not config.overwrite and not _fits(known or {}, config, study):
        if known is not None:
            raise UserError(
                f"output_dir={config.output_dir} holds the results of another configuration. "
                "Choose another output_dir, or overwrite=true."
            )
        if any(not name.startswith(KEPT) for name in store.children("")):
            raise UserError(
                f"output_dir={config.output_dir} is not empty and is no output of ours. "
                "Choose another output_dir, or overwrite=true."
            )


def _fits(known: Mapping[str, Any], config: Config, study: str) -> bool:
    """Whether what lies in a folder is of these settings, or a part of what they give."""
    part_of_it = known.get("state") == PARTICIPANTS or config.level != "study"
    same_images = known.get("images") == image_key(config)
    return known.get("study") == study or (part_of_it and same_images)


def image_key(config: Config) -> str:
    """Return the digest of the settings that decide people's own maps."""
    return _digest_of(config, IMAGES)


def rating_key(config: Config) -> str:
    """Return the digest of the settings that decide what a rater judges: scans and registration.

    Calibration and smoothing leave ratings as they are.
    """
    return _digest_of(config, LOOKED_AT)


def _digest_of(config: Config, sections: Collection[str]) -> str:
    return digest({name: own for name, own in config.science().items() if name in sections})


def join_folder(store: Store, config: Config) -> None:
    """Write, before people's maps, that the folder is no finished study, or is none any more.

    People processed alone have no gain and no z among their group; beside the results of a whole
    study theirs would be other numbers, so that the study has to be written anew.
    """
    store.clear_dead()
    known = read_provenance(store)
    if known is None:
        document = {"state": PARTICIPANTS, "images": image_key(config)}
        store.write(PROVENANCE, json_bytes(document | {"simulated": config.simulated}))
    elif known.get("state") == COMPLETE:
        log.warning(
            "output_dir=%s held a finished study: maps and quality of level=%s are written over "
            "its own, and %s says %s until level=study (as a BIDS-App: group) writes it again",
            config.output_dir,
            config.level,
            PROVENANCE,
            INCOMPLETE,
        )
        store.write(PROVENANCE, json_bytes(known | {"state": INCOMPLETE}))


def is_of_participants(store: Store) -> bool:
    """Whether a folder holds people's maps and no group results."""
    return (read_provenance(store) or {}).get("state") == PARTICIPANTS


def claim_folder(store: Store, config: Config, study: str) -> None:
    """Clear what an earlier run left and say that the folder is incomplete."""
    check_folder(store, config, study)
    store.clear_dead()
    known = read_provenance(store)
    for name in store.children(""):
        if name.startswith(OURS) and known is not None:
            store.delete_prefix(name) if name.endswith("/") else store.delete(name)
    document = {"state": INCOMPLETE, "study": study, "images": image_key(config)}
    store.write(PROVENANCE, json_bytes(document))


def write_dataset(store: Store, config: Config, people: pd.DataFrame) -> None:
    """Write the files about the whole dataset."""
    rows = shown(of_people(people))
    store.write("dataset_description.json", json_bytes(dataset.description(config)))
    store.write("README.md", dataset.readme(config).encode())
    store.write(".bidsignore", ("\n".join(IGNORED) + "\n").encode())
    write_table(store, PEOPLE, rows)
    for path, table in session_tables(people).items():
        write_table(store, path, table)
    write_table(store, "atlas-Neuromorphometrics_dseg.tsv", dseg())


def failure_table(failures: Sequence[Failure]) -> pd.DataFrame:
    """List who could not be processed, at which stage, and why; it may be empty."""
    rows = [(f.label, f.stage, f.reason.replace("\n", " ")) for f in failures]
    return pd.DataFrame(rows, columns=["participant_id", "stage", "reason"])


def write_failures(store: Store, failures: Sequence[Failure]) -> None:
    """Write the table of failures."""
    write_table(store, FAILURES, failure_table(failures))


def add_failures(store: Store, failures: Sequence[Failure], asked: Sequence[str]) -> None:
    """Write who of those asked for failed now, beside the others of earlier runs."""
    _add_rows(store, FAILURES, failure_table(failures), asked)


def add_quality(store: Store, rows: pd.DataFrame, asked: Sequence[str]) -> None:
    """Write the quality of those asked for now, beside the others of earlier runs."""
    _add_rows(store, QUALITY, rows, asked)


def _add_rows(store: Store, path: str, rows: pd.DataFrame, asked: Sequence[str]) -> None:
    """Put rows in place of what a table says of the people asked for; keep the text of others."""
    if store.exists(path):
        known = pd.read_csv(
            io.BytesIO(store.read(path)), sep="\t", dtype=str, keep_default_na=False
        )
        new = pd.read_csv(io.BytesIO(tsv_bytes(rows)), sep="\t", dtype=str, keep_default_na=False)
        rows = pd.concat([known[~known["participant_id"].isin(asked)], new])
    write_table(store, path, rows.sort_values("participant_id"))


def write_people(
    executor: Executor, lake: Lake, store: Store, config: Config, plans: Sequence[PersonPlan]
) -> None:
    """Write everybody's maps and masks as NIfTI, on the workers, but what stayed at its site."""
    here = [plan for plan in plans if plan.map is not None]
    waiting = [executor.submit(write_person, lake, store, config, plan) for plan in here]
    for future in waiting:
        future.result()


def write_person(lake: Lake, store: Store, config: Config, plan: PersonPlan) -> None:
    """Write one person's maps and masks, each with a sidecar that says what was done."""
    label, folder = plan.person.label, plan.person.folder
    assert plan.map is not None
    ratio = lake.read(plan.map)
    smoothed = lake.read(plan.part("smooth"))["smoothed"]
    note = "SIMULATED, rt1t2_dask" if config.simulated else "rt1t2_dask"
    maps = [("ratio", ratio["ratio"], config.space), ("smoothed", smoothed, config.space)]
    if "ratio_t1w" in ratio:
        maps.append(("ratio", ratio["ratio_t1w"], "T1w"))
    for desc, array, space in maps:
        middle, code = ("", SCANNER) if space == "T1w" else (f"space-{space}_", MNI)
        stem = f"{folder}/anat/{label}_{middle}desc-{desc}_T1wT2wratio"
        image = to_volume(array)
        image = image.with_data(scaled(image.data, factor_of(plan)))
        store.write(f"{stem}.nii.gz", to_bytes(image, space_code=code, description=note))
        store.write(f"{stem}.json", json_bytes(sidecar.describe(lake, config, plan, desc, space)))
    for desc, mask in _masks(lake, plan).items():
        path = f"{folder}/anat/{label}_desc-{desc}_mask"
        store.write(f"{path}.nii.gz", to_bytes(mask, space_code=SCANNER, description=note))
        meta = sidecar.mask(config, plan, desc)
        store.write(f"{path}.json", json_bytes(meta))
    if "tissue" in plan.tasks:
        _write_tissue(lake, store, config, plan, note)


def _write_tissue(lake: Lake, store: Store, config: Config, plan: PersonPlan, note: str) -> None:
    path = f"{plan.person.folder}/anat/{plan.person.label}_dseg"
    labels = to_volume(lake.read(plan.part("tissue"))["tissue"])
    store.write(f"{path}.nii.gz", to_bytes(labels, space_code=SCANNER, description=note))
    meta = {
        "Description": "Tissue of every voxel of the brain, on the T1w grid",
        "Labels": {"1": "GM", "2": "WM", "3": "CSF", "7": "Lesion"},
        "Manual": False,
        "SpatialReference": "orig",
        "Sources": sidecar.sources(config, plan, ("t1w",)),
        "simulated": config.simulated,
        "Parts": {"tissue": plan.part("tissue").key},
        **lake.record(plan.part("tissue")),
    }
    store.write(f"{path}.json", json_bytes(meta))


def _masks(lake: Lake, plan: PersonPlan) -> dict[str, Volume]:
    if "brain" not in plan.tasks:
        return {}
    masks = {"brain": to_volume(lake.read(plan.part("brain"))["brain"])}
    scans = lake.read(plan.part("ingest"))
    if "lesion" in scans:
        masks["lesion"] = to_volume(scans["lesion"])
    return {name: mask.with_data(mask.data.astype(np.uint8)) for name, mask in masks.items()}


def write_group_map(
    store: Store, name: str, stat: str, volume: Volume, simulated: bool, desc: str = ""
) -> None:
    """Write a statistical map of a contrast."""
    middle = f"_desc-{desc}" if desc else ""
    note = f"SIMULATED {stat}" if simulated else stat
    path = f"group/contrast-{name}_stat-{stat}{middle}_statmap.nii.gz"
    store.write(path, to_bytes(volume, space_code=MNI, description=note))
