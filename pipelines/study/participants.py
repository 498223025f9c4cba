"""The image half only, for some or all people: the participant level of BIDS-Apps."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from concurrent.futures import Executor

import pandas as pd

from rt1t2_dask.bids.labels import with_similar
from rt1t2_dask.config.study import BidsSource, Config, DerivativesSource
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.work import complete_parts
from rt1t2_dask.pipelines.images.plan import Failure, ImagePlan, PersonPlan
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.people.places import people_folders
from rt1t2_dask.pipelines.quality.table import log_flags, quality_table
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store, open_store

log = logging.getLogger("rt1t2_dask")


def everybody_there(config: Config) -> pd.DataFrame:
    """List all people with a folder in a BIDS dataset, in the table or not.

    Raises
    ------
    UserError
        The source is not a BIDS dataset, or has no people.
    """
    source = config.source
    if not isinstance(source, BidsSource | DerivativesSource):
        raise UserError(f"level=dataset needs source=bids or derivatives, not {source.kind}.")
    store = open_store(source.root, config.storage.options())
    labels = people_folders(store)
    if not labels:
        raise UserError(f"source.root={source.root}: there is no folder sub-*.")
    return pd.DataFrame({"participant_id": labels, "group": config.cohort.reference})


def selected_people(config: Config, people: pd.DataFrame) -> pd.DataFrame:
    """Select the people of ``labels``; all people if it is empty.

    Raises
    ------
    UserError
        A label is unknown, or calibration needs people who are not selected.
    """
    part = config.labels or config.level == "dataset"
    if part and config.calibration.reference == "controls":
        raise UserError(
            "calibration.reference=controls needs every control of a cohort: set the cohort and "
            "remove labels (--participant-label), or set calibration.reference=icbm."
        )
    if not config.labels:
        return people
    wanted = {"sub-" + label.removeprefix("sub-") for label in config.labels}
    unknown = sorted(wanted - set(people["participant_id"]))
    if unknown:
        raise UserError(
            f"labels has {len(unknown)} people who are not among the {len(people)} people in the "
            f"dataset: "
            f"{with_similar(unknown, people['participant_id'])}."
        )
    return people[people["participant_id"].isin(wanted)].reset_index(drop=True)


def describe(lake: Lake, images: ImagePlan) -> None:
    """Print how many parts are to be computed."""
    tasks = {task.part: task for task in images.tasks()}
    to_make = len(tasks) - len(complete_parts(lake, tasks.values()))
    text = f"maps of {plural(len(images.people))}, no group results: {to_make} parts to compute"
    lines = [f"{f.stage} cannot be planned for one person: {f.reason}" for f in images.failures]
    sys.stdout.write("\n".join([f"{text}, {len(tasks) - to_make} already complete", *lines]) + "\n")


def write_participants(
    executor: Executor,
    lake: Lake,
    store: Store,
    config: Config,
    people: pd.DataFrame,
    images: ImagePlan,
    failures: Sequence[Failure],
) -> None:
    """Write the maps of the processed people beside existing ones.

    Parameters
    ----------
    people : DataFrame
        All people who may be in the folder, processed now or not.
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
    """Check quality limits, log the number of flags, and write all measures.

    Parameters
    ----------
    plans : sequence of PersonPlan
        The processed people.
    asked : sequence of str
        People whose rows of earlier runs are replaced.
    """
    rows = quality_table(lake, config, plans)
    if len(rows):
        log_flags(config, rows)
        outputs.add_quality(store, rows, asked)


def plural(people: int) -> str:
    """Return a count of people as text."""
    return f"{people} person" if people == 1 else f"{people} people"
