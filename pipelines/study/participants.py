"""People's maps alone, for some or all: what a BIDS-App calls the participant level."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import pandas as pd

from rt1t2_dask.bids.labels import with_similar
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.analysis import GroupPlan
from rt1t2_dask.pipelines.engine.places import people_folders
from rt1t2_dask.pipelines.engine.work import complete_parts
from rt1t2_dask.pipelines.images.plan import Failure
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.image_study import write_quality
from rt1t2_dask.pipelines.people.inputs import known_checksums
from rt1t2_dask.pipelines.people.kinds import persons_of
from rt1t2_dask.pipelines.people.notes import files_found
from rt1t2_dask.pipelines.people.source import source_of
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.pipelines.sessions.rows import all_sessions, sessions_of
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.study.image_study import ImageStudy

log = logging.getLogger("rt1t2_dask")


def everybody_there(config: Config) -> pd.DataFrame:
    """List all people with a folder in a BIDS dataset, in the table or not.

    Raises
    ------
    UserError
        The source is not a BIDS dataset, or has no people.
    """
    source = source_of(config)
    if not source.labels_known:
        kind = config.source.kind
        raise UserError(f"level=dataset needs source=bids or derivatives, not {kind}.")
    labels = people_folders(source.store)
    if not labels:
        raise UserError(f"source.root={config.source.root}: no folder sub-* is there.")
    people = pd.DataFrame({"participant_id": labels, "group": config.cohort.reference})
    return all_sessions(people, config) if config.source.sessions else people


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
    persons = persons_of(people)
    unknown = sorted(wanted - {*people["participant_id"], *persons})
    if unknown:
        raise UserError(
            f"labels ({len(unknown)}) that are not among the {len(people)} people in the dataset: "
            f"{with_similar(unknown, people['participant_id'])}."
        )
    kept = people["participant_id"].isin(wanted) | persons.isin(wanted)
    return people[kept].reset_index(drop=True)


class ParticipantLevel(ImageStudy):
    """The maps of the people who were asked for, beside those that are there already."""

    def plan(self) -> int:
        """Plan the people of ``labels``; everybody of the dataset where a level asks for it."""
        self.missing = sum(self._simulate(own) for own in sites.configs(self.config).values())
        if self.config.level == "dataset":
            self.people, self.found = everybody_there(self.config), None
        else:
            self.people, self.found = self._people()
        asked = selected_people(self.config, self.people)
        self.images = sites.plan_study(self.config, asked, self.found and self.found.of(asked))
        self.group = GroupPlan()
        return len(asked)

    def describe(self) -> None:
        """Print how many parts there are to make."""
        tasks = {task.part: task for task in self.tasks()}
        to_make = len(tasks) - len(complete_parts(self.lake, tasks.values()))
        people = plural(len(self.images.people))
        said = f"maps of {people}, no group results: {to_make} parts to compute"
        lost = self.images.failures
        lines = [f"{f.stage} cannot be planned for one person: {f.reason}" for f in lost]
        first = f"{said}, {len(tasks) - to_make} already complete"
        sys.stdout.write("\n".join([first, *lines]) + "\n")

    def log_inputs(self) -> None:
        """Log the files found; keep their checksums."""
        known_checksums(self.config.storage).save()
        log.info("%s", files_found({p.person.label: p.scans for p in self.images.people}))

    def goes_on(self, failures: Sequence[Failure]) -> bool:
        """Return False: the group is not studied."""
        return False

    def write_people(self, failures: Sequence[Failure]) -> None:
        """Write the maps of those who were processed, and the tables of who is there."""
        looked, store, config = self._looked(failures), self.store, self.config
        made = looked.plans
        outputs.join_folder(store, config)
        outputs.write_people(self.cluster(), self.lake, store, config, made)
        failed = {failure.label for failure in failures}
        asked = [*(plan.person.label for plan in self.images.people), *failed]
        outputs.add_failures(store, failures, asked)
        write_quality(self.cluster(), store, looked, asked, self.people)
        if outputs.is_of_participants(store):
            self._write_dataset()
        log.info("maps of %s are in %s", plural(len(made)), config.output_dir)

    def _write_dataset(self) -> None:
        """Write the files about everybody whose maps are in the folder, of this run or another."""
        sessions = sessions_of(self.people)
        folders = [
            Person(label, "", sessions.get(label, "")).folder
            for label in self.people["participant_id"]
        ]
        tops = {name for name in self.store.children() if name.startswith("sub-")}
        listed = (folder for folder in folders if f"{folder.partition('/')[0]}/" in tops)
        there = {folder for folder in listed if "anat/" in self.store.children(f"{folder}/")}
        rows = self.people[[folder in there for folder in folders]]
        kept = rows.drop(columns="group") if self.config.level == "dataset" else rows
        outputs.write_dataset(self.store, self.config, kept)


def plural(people: int) -> str:
    """Return a count of people as text."""
    return f"{people} person" if people == 1 else f"{people} people"
