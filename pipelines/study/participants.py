"""The image half alone, for some or all people: what a BIDS-App calls the participant level."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from concurrent.futures import Executor

import pandas as pd

from rt1t2_dask.bids.labels import with_alike
from rt1t2_dask.config.study import BidsSource, Config, DerivativesSource
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.work import complete_parts
from rt1t2_dask.pipelines.images.plan import Failure, ImagePlan, PersonPlan
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.people.places import people_folders
from rt1t2_dask.pipelines.quality.table import quality_table, tell
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store, open_store

log = logging.getLogger("rt1t2_dask")


def everybody_there(config: Config) -> pd.DataFrame:
    """List everybody who has a folder in a BIDS dataset, whether or not a table names them.

    Raises
    ------
    UserError
        The source is no BIDS dataset, or holds nobody.
    """
    source = config.source
    if not isinstance(source, BidsSource | DerivativesSource):
        raise UserError(f"level=dataset needs source=bids or derivatives, not {source.kind}.")
    store = open_store(source.root, config.storage.options())
    labels = people_folders(store)
    if not labels:
        raise UserError(f"source.root={source.root}: no folder sub-* is there.")
    return pd.DataFrame({"participant_id": labels, "group": config.cohort.reference})


def asked_people(config: Config, people: pd.DataFrame) -> pd.DataFrame:
    """Choose the people of ``labels``; everybody where it is empty.

    Raises
    ------
    UserError
        A label is nobody's, or calibration needs people who were not asked for.
    """
    part = config.labels or config.level == "dataset"
    if part and config.calibration.reference == "controls":
        raise UserError(
            "calibration.reference=controls reads every control of a cohort: name the cohort and "
            "leave out labels (--participant-label), or take calibration.reference=icbm."
        )
    if not config.labels:
        return people
    wanted = {"sub-" + label.removeprefix("sub-") for label in config.labels}
    unknown = sorted(wanted - set(people["participant_id"]))
    if unknown:
        raise UserError(
            f"labels name {len(unknown)} who are not among the {len(people)} people there: "
            f"{with_alike(unknown, people['participant_id'])}."
        )
    return people[people["participant_id"].isin(wanted)].reset_index(drop=True)


def describe(lake: Lake, images: ImagePlan) -> None:
    """Print how many parts there are to make."""
    tasks = {task.part: task for task in images.tasks()}
    to_make = len(tasks) - len(complete_parts(lake, tasks.values()))
    said = f"maps of {plural(len(images.people))}, no group results: {to_make} parts to compute"
    lines = [f"{f.stage} cannot be planned for one person: {f.reason}" for f in images.failures]
    sys.stdout.write("\n".join([f"{said}, {len(tasks) - to_make} already complete", *lines]) + "\n")


def write_participants(
    executor: Executor,
    lake: Lake,
    store: Store,
    config: Config,
    people: pd.DataFrame,
    images: ImagePlan,
    failures: Sequence[Failure],
) -> None:
    """Write the maps of those who were processed beside those that are there already.

    Parameters
    ----------
    people : DataFrame
        Everybody who may be in the folder, processed now or not.
    failures : sequence of Failure
        Of the people in ``images``.
    """
    failed = {failure.label for failure in failures}
    made = [plan for plan in images.people if plan.person.label not in failed]
    outputs.join_folder(store, config)
    outputs.write_people(executor, lake, store, config, made)
    asked = [*(plan.person.label for plan in images.people), *failed]
    outputs.add_failures(store, failures, asked)
    write_quality(lake, store, config, made, asked)
    if outputs.is_of_participants(store):
        labels = [name.rstrip("/") for name in store.children() if name.startswith("sub-")]
        there = {label for label in labels if "anat/" in store.children(f"{label}/")}
        rows = people[people["participant_id"].isin(there)]
        kept = rows.drop(columns="group") if config.level == "dataset" else rows
        outputs.write_dataset(store, config, kept)
    log.info("maps of %s are in %s", plural(len(made)), config.output_dir)


def write_quality(
    lake: Lake, store: Store, config: Config, plans: Sequence[PersonPlan], asked: Sequence[str]
) -> None:
    """Judge people's quality, say how many are flagged, and write the numbers of everybody.

    Parameters
    ----------
    plans : sequence of PersonPlan
        Those who were processed.
    asked : sequence of str
        Whose rows of earlier runs are replaced.
    """
    rows = quality_table(lake, config, plans)
    if len(rows):
        tell(config, rows)
        outputs.add_quality(store, rows, asked)


def plural(people: int) -> str:
    """Count people in words."""
    return f"{people} person" if people == 1 else f"{people} people"
