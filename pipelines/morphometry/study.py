"""A study of regional tables: features of people, the analyses of the group, the report."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.features import measured_share
from rt1t2_dask.pipelines.analysis import Group, GroupPlan, Registry, plan_group
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import complete_parts
from rt1t2_dask.pipelines.images.plan import Failure
from rt1t2_dask.pipelines.morphometry.analysis import FEATURES, Similarity
from rt1t2_dask.pipelines.morphometry.compute import features_of
from rt1t2_dask.pipelines.morphometry.inputs import labelled
from rt1t2_dask.pipelines.morphometry.plan import plan_features
from rt1t2_dask.pipelines.morphometry.write import FinishedTables, write_lost
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.people.notes import table_notes
from rt1t2_dask.pipelines.people.read import lines_read, log_read
from rt1t2_dask.pipelines.people.source import source_of
from rt1t2_dask.pipelines.people.table import read_people, read_table
from rt1t2_dask.pipelines.study.check_places import require_places
from rt1t2_dask.pipelines.study.driver import Workflow
from rt1t2_dask.pipelines.transcriptome.analysis import Transcriptome
from rt1t2_dask.pipelines.transcriptome.simulated import settled
from rt1t2_dask.pipelines.transcriptome.table_checks import check_tables

log = logging.getLogger("rt1t2_dask")
ANALYSES: Registry = (Similarity, Transcriptome)


def checked_tables(config: Config) -> Config:
    """Return the configuration, which tells whether people and genes are simulated.

    Raises
    ------
    UserError
        A setting or a place does not fit such a study.
    """
    if config.cohort.sites:
        raise UserError(
            "cohort.sites is for images; put the sites' regional tables into one folder and name "
            "cohort.site_column."
        )
    require_places(config)
    return settled(labelled(config))


class RegionalStudy(Workflow):
    """People's regional tables, from files to the results of the group."""

    people: pd.DataFrame
    features: Task
    group: GroupPlan

    def plan(self) -> int:
        """Simulate tables where that is asked for, find everybody's, plan all."""
        source = source_of(self.config)
        if missing := source.missing():
            log.info("simulating %d files into %s", missing, self.config.source.root)
            source.write_missing()
        self.people = read_people(self.config)
        self.features = plan_features(self.config, self.people)
        self.group = self._plan_group(self.people)
        check_tables(self.lake, self.tasks())
        return len(self.people)

    def tasks(self) -> list[Task]:
        """Return the task of the features, then the group's."""
        return [self.features, *self.group.tasks()]

    def describe(self) -> None:
        """Print what was read, and parts done and to do."""
        tasks = {task.part: task for task in self.tasks()}
        whole = complete_parts(self.lake, tasks.values())
        total, done = Counter(part.stage for part in tasks), Counter(p.stage for p in whole)
        counted = ", ".join(f"{n} {g}" for g, n in self.people["group"].value_counts().items())
        lines = [f"{len(self.people)} people ({counted}), lake {self.config.storage.url}"]
        lines += lines_read(self.people, self.config.cohort)
        notes = table_notes(self.config, read_table(self.config), named=True)
        lines += [f"note: {line}" for line in notes]
        if self.config.simulated:
            lines.append("SIMULATED DATA: regional tables from a seed")
        lines.append(f"{'stage':<20}{'parts':>6}{'done':>6}{'to do':>7}")
        lines += [f"{s:<20}{n:>6}{done[s]:>6}{n - done[s]:>7}" for s, n in total.items()]
        sys.stdout.write("\n".join([*lines, *self.group.notes]) + "\n")

    def log_inputs(self) -> None:
        """Log the columns read and what of the table is not studied."""
        log_read(self.people, self.config.cohort)
        for line in table_notes(self.config, read_table(self.config), named=False):
            log.info("%s", line)

    def make_people(self) -> Sequence[Failure]:
        """Read everybody's features; return who lacks too many regions, and plan the others."""
        self.maker.required([self.features])
        failures = self._lost()
        if failures and self.config.allow_failures and len(failures) < len(self.people):
            self.group = self._plan_group(self._used(failures))
            self.record()
        return failures

    def goes_on(self, failures: Sequence[Failure]) -> bool:
        """Whether nobody failed, or the others are to be studied alone."""
        left = len(self.people) - len(failures)
        return not failures or (self.config.allow_failures and left > 0)

    def make_group(self, failures: Sequence[Failure]) -> Finished:
        """Make the parts of the group."""
        lost = self.maker.group(self.group)
        rows = tuple(self._used(failures).index.tolist())
        done = (self.config, self.lake, self.group, self.people, tuple(failures))
        return FinishedTables(*done, lost=lost, features=self.features, rows=rows)

    def write_people(self, failures: Sequence[Failure]) -> None:
        """Write who failed."""
        write_lost(self.store, self.config, self.people, failures)

    def _plan_group(self, used: pd.DataFrame) -> GroupPlan:
        shared = {FEATURES: self.features.part}
        return plan_group(Group(self.config, self.lake, used, (), shared), ANALYSES)

    def _used(self, failures: Sequence[Failure]) -> pd.DataFrame:
        lost = [failure.label for failure in failures]
        return self.people[~self.people["participant_id"].isin(lost)]

    def _lost(self) -> tuple[Failure, ...]:
        """Find who lacks too many regions for a network."""
        record = self.lake.record(self.features.part)
        data = features_of(self.lake.read(self.features.part), record)
        rules = self.config.similarity
        own = [data.features.index(name) for name in rules.features or rules.also]
        share = measured_share(data.values[:, :, own])  # noqa: PD011
        least = rules.least_regions
        if record["left_out"]:
            log.warning("%d regions lack a feature in everybody", len(record["left_out"]))
        return tuple(
            Failure(
                label,
                self.features.stage,
                f"{100 * found:.0f} % of the regions have all features, less than "
                f"similarity.least_regions={least:g}: complete the tables, or leave the person out "
                "with cohort.exclude",
            )
            for label, found in zip(self.people["participant_id"], share.tolist(), strict=True)
            if found < least
        )
