"""The output folder of a study of images: people's maps, quality, the report of the group."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.pipelines.analysis import GroupPlan, Results
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.finished import Finished, assets_of, study_key
from rt1t2_dask.pipelines.outputs.inputs_table import input_table
from rt1t2_dask.pipelines.outputs.page import gather, write_report
from rt1t2_dask.pipelines.outputs.settings_file import write_settings
from rt1t2_dask.pipelines.outputs.tables import write_table
from rt1t2_dask.pipelines.quality.desk import write_desk
from rt1t2_dask.pipelines.quality.drawn import Looked, write_pictures
from rt1t2_dask.pipelines.quality.table import flags_of, log_flags, quality_table
from rt1t2_dask.pipelines.sessions.tables import with_sessions
from rt1t2_dask.report.content import AssetLike
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.provenance import environment
from rt1t2_dask.storage.stores import Store

log = logging.getLogger("rt1t2_dask")
INPUTS = "group/inputs.tsv"


@dataclass(frozen=True)
class FinishedImages(Finished):
    """A study of images whose parts are all there.

    Parameters
    ----------
    failed : tuple of PersonPlan
        Of those who failed, who has scans.
    """

    failed: tuple[PersonPlan, ...] = ()

    def drawn_tasks(self) -> list[Task]:
        """Return the tasks that the pipeline of the report shows."""
        group = self.group.tasks(lambda analysis: analysis.drawn)
        own = [task for plan in self.plans for task in plan.tasks.values()]
        return [*([self.template] if self.template else []), *own, *group]

    def third_parties(self) -> list[AssetLike]:
        """Return every atlas, template and map that entered the results, shipped means included."""
        files = [assets.resolve(name) for name in assets_of(self.drawn_tasks())]
        return [*files, *(own for a in self.group.analyses for own in a.shipped())]

    def shows(self) -> list[Any]:
        """Return why each file was chosen."""
        return [
            [role, file.path, file.chosen]
            for task in self.own_tasks()
            for role, file in task.each_file()
        ]

    def write_dataset(self, store: Store) -> None:
        """Write the files about the dataset, who failed and what was read."""
        outputs.write_dataset(store, self.config, self.people)
        outputs.write_failures(store, self.failures)
        _write_inputs(store, self.lake, self.everybody, self.people)

    def write_people(self, executor: Executor, store: Store) -> dict[str, Any]:
        """Write everybody's maps and pictures; return quality for the report."""
        outputs.write_people(executor, self.lake, store, self.config, self.everybody)
        quality = quality_table(self.lake, self.config, self.everybody)
        write_table(store, outputs.QUALITY, with_sessions(quality, self.people))
        write_pictures(executor, store, self.looked(), flags_of(quality))
        return {"quality": quality}

    def looked(self) -> Looked:
        """Return whose images are looked at."""
        assert self.template is not None
        people = (self.everybody, self.failed, self.failures)
        return Looked(self.lake, self.config, *people, self.template)

    def write_report(
        self,
        store: Store,
        results: Sequence[Results],
        people: Mapping[str, Any],
        provenance: Mapping[str, Any],
    ) -> None:
        """Write demographics, figures, methods, the page and the quality desk."""
        content = gather(self, results, people, provenance)
        write_table(store, "group/demographics.tsv", content.demographics)
        write_table(store, "group/demographics_pairs.tsv", content.age_pairs)
        write_settings(store, self.config)
        write_report(store, content, self.config.report)
        write_desk(store, self.looked(), self.people, outputs.rating_key(self.config))

    def provenance(self) -> dict[str, Any]:
        """Describe settings, seeds, versions, inputs and parts."""
        config = self.config
        files = {
            plan.person.label: {
                file.path: file.sha256
                for task in plan.tasks.values()
                for _, file in task.each_file()
            }
            for plan in self.everybody
        }
        return {
            "config": config.model_dump(mode="json"),
            "seeds": {
                "permute": config.permute.seed,
                "receptors": config.receptors.seed,
                "simulated": getattr(config.source, "seed", None),
            },
            "environment": environment(),
            "assets": {used.name: used.sha256 for used in self.third_parties()},
            "inputs": files,
            "parts": {
                p.person.label: {s: t.part.key for s, t in p.tasks.items()} for p in self.everybody
            },
            "group_parts": group_keys(self.group),
        }


def group_keys(group: GroupPlan) -> dict[str, Any]:
    """Return the key of every part of the group, by what it belongs to and its stage."""
    own = {name: keys for a in group.analyses for name, keys in a.keys().items()}
    rest = [task for a in group.analyses if not a.keys() for task in a.tasks()]
    return own | {"other": keys_by_stage(rest)}


def write_failed(executor: Executor, store: Store, looked: Looked, people: pd.DataFrame) -> None:
    """Write who failed and the maps of the others; there are no group results."""
    config, lake, plans = looked.config, looked.lake, looked.plans
    outputs.claim_folder(store, config, study_key(config))
    outputs.write_dataset(store, config, people)
    outputs.write_failures(store, looked.failures)
    _write_inputs(store, lake, plans, people)
    outputs.write_people(executor, lake, store, config, tuple(plans))
    write_quality(executor, store, looked, (), people)


def write_quality(
    executor: Executor, store: Store, looked: Looked, asked: Sequence[str], people: pd.DataFrame
) -> None:
    """Judge people's quality, say how many are flagged, and write numbers, pictures and the desk.

    Parameters
    ----------
    looked : Looked
        Those who were processed, and who failed.
    asked : sequence of str
        Whose rows of earlier runs are replaced.
    people : DataFrame
        Everybody's rows.
    """
    config = looked.config
    rows = quality_table(looked.lake, config, looked.plans)
    if len(rows):
        log_flags(config, rows)
        outputs.add_quality(store, with_sessions(rows, people), asked)
    write_pictures(executor, store, looked, flags_of(rows))
    write_desk(store, looked, people, outputs.rating_key(config))


def _write_inputs(
    store: Store, lake: Lake, plans: Sequence[PersonPlan], people: pd.DataFrame
) -> None:
    """Write the table of input files; log how many have notes."""
    table = with_sessions(input_table(lake, plans), people)
    write_table(store, INPUTS, table)
    noted = int(table["warnings"].notna().sum())
    if noted:
        log.warning("%d of %d files have notes: see %s", noted, len(table), INPUTS)
