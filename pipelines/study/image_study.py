"""A study of images: scans or maps of people, the analyses of the group, the report."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.analyses import group_of, plan_analyses
from rt1t2_dask.pipelines.analysis import Analysis, GroupPlan, adjusted
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import complete_parts
from rt1t2_dask.pipelines.files.hashing import find_hashed
from rt1t2_dask.pipelines.files.predicted import predicted_files, predicted_table
from rt1t2_dask.pipelines.images.plan import Failure, ImagePlan, PersonPlan, plan_images
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.outputs.image_study import FinishedImages, write_failed
from rt1t2_dask.pipelines.people.inputs import Found, find_inputs, known_checksums
from rt1t2_dask.pipelines.people.notes import found_lines
from rt1t2_dask.pipelines.people.read import log_read
from rt1t2_dask.pipelines.people.source import source_of
from rt1t2_dask.pipelines.people.table import valid_people
from rt1t2_dask.pipelines.quality.covariates import (
    from_images,
    of_the_table,
    until_known,
    with_image_numbers,
)
from rt1t2_dask.pipelines.quality.drawn import Looked
from rt1t2_dask.pipelines.quality.table import left_out
from rt1t2_dask.pipelines.share.analysis import Share
from rt1t2_dask.pipelines.share.export import FOLDER, write_share
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.study.describe import describe
from rt1t2_dask.pipelines.study.driver import Workflow
from rt1t2_dask.pipelines.study.failed import without
from rt1t2_dask.pipelines.study.person_parts import make_people

log = logging.getLogger("rt1t2_dask")


class ImageStudy(Workflow):
    """People's images, from scans or ready-made maps to the results of the group."""

    compared: ClassVar[bool] = True

    people: pd.DataFrame
    images: ImagePlan
    grouped: tuple[PersonPlan, ...]
    found: Found | None
    group: GroupPlan
    missing: int
    told: Sequence[str] = ()

    def plan(self) -> int:
        """Simulate who is missing, find everybody's files, plan people and group."""
        self.missing = sum(self._simulate(own) for own in sites.configs(self.config).values())
        self.people, self.found = self._people()
        self.images = sites.plan_study(self.config, self.people, self.found)
        self.told = from_images(self.config, self.people)
        self.people = until_known(self.people, self.told)
        if self.told and self.config.stage:
            self._require_of_person(self.config.stage)
        self.group = self._plan_group(self.images.people)
        return len(self.people)

    def _require_of_person(self, stage: str) -> None:
        """Refuse single parts of the group whose covariates no image has told yet."""
        if stage not in {task.stage for task in self.images.tasks()}:
            raise UserError(
                f"stage={stage}: the covariates {', '.join(self.told)} come from the images, so "
                "that the group's parts are not known before; make people's parts by stage and "
                "part, then run the study without stage."
            )

    def tasks(self) -> list[Task]:
        """Return people's tasks, then the group's."""
        return [*self.images.tasks(), *self.group.tasks()]

    def recorded(self) -> list[Task]:
        """Return all tasks, with those whose parts are copied from other sites."""
        copied = (task for plan in self.images.people for task in plan.tasks.values())
        return [*self.tasks(), *copied]

    def describe(self) -> None:
        """Print the plan: what was found, parts, sizes, time."""
        said = self._found(named=True)
        describe(self.config, self.lake, self.people, self.images, self.group, self.missing, said)

    def log_inputs(self) -> None:
        """Log the columns and files read; keep the checksums of the files."""
        log_read(of_the_table(self.people, self.told), self.config.cohort)
        if self.told:
            log.info("covariates from the images: %s", ", ".join(self.told))
        for line in self._found(named=False):
            log.info("%s", line)
        known_checksums(self.config.storage).save()

    def make_people(self) -> Sequence[Failure]:
        """Make everybody's maps; the controls' average without those who failed."""
        self.maker.expect([plan.scans for plan in self.images.people])
        failures = make_people(self.maker, self.images, self._later())
        if failures and self.images.reference is not None:
            failures = self._without_lost_reference(failures)
        return failures

    def _later(self) -> list[Task]:
        """Return the group's tasks that are to be made, each once, without people's own."""
        own = {task.part for task in self.images.tasks()}
        tasks = {task.part: task for task in self.group.tasks() if task.part not in own}
        whole = complete_parts(self.lake, tasks.values())
        return [task for part, task in tasks.items() if part not in whole]

    def goes_on(self, failures: Sequence[Failure]) -> bool:
        """Whether nobody failed, or the others are to be studied alone."""
        return not failures or (self.config.allow_failures and bool(self._whole(failures)))

    def make_group(self, failures: Sequence[Failure]) -> Finished:
        """Plan the group anew where people or gains changed, and make its parts."""
        whole = self._whole(failures)
        if self.config.cohort.site:
            sites.check_grids(self.lake, self.config, self.people, whole)
        used, excluded = left_out(self.lake, self.config, whole)
        before = self.group
        self.people = with_image_numbers(self.lake, self.people, used, self.told)
        if self.told or used != self.grouped:
            self.group = self._plan_group(used)
        first = self.group.first()
        self.maker.required([task for analysis in first for task in analysis.tasks()])
        group = group_of(self.config, self.lake, self.people, self.images, used)
        if adjusted(group, first) != self.group.people:
            self.group = self._plan_group(used, first)
        if self.group is not before:
            self.record()
        lost = self.maker.group(self.group)
        template = self.images.shared["template_out"]
        done = (self.config, self.lake, self.group, self.people, tuple(failures))
        people = (self.group.people, excluded)
        return FinishedImages(*done, *people, template, lost, self._failed(failures))

    def write_people(self, failures: Sequence[Failure]) -> None:
        """Write who failed and the maps of the others."""
        write_failed(self.cluster(), self.store, self._looked(failures), self.people)

    def _looked(self, failures: Sequence[Failure]) -> Looked:
        """Return whose images are looked at."""
        people = (self._whole(failures), self._failed(failures), failures)
        return Looked(self.lake, self.config, *people, self.images.shared["template_out"])

    def _failed(self, failures: Sequence[Failure]) -> tuple[PersonPlan, ...]:
        """Return the plans of those who failed."""
        whole = {plan.person.label for plan in self._whole(failures)}
        return tuple(plan for plan in self.images.people if plan.person.label not in whole)

    def _whole(self, failures: Sequence[Failure]) -> tuple[PersonPlan, ...]:
        return without(self.images.people, failures)

    def _plan_group(self, plans: Sequence[PersonPlan], known: Sequence[Analysis] = ()) -> GroupPlan:
        self.grouped = tuple(plans)
        about = (self.config, self.lake, self.people, self.images, plans)
        return plan_analyses(*about, known, predicted=bool(self.missing))

    def _found(self, *, named: bool) -> list[str]:
        """Return what was found and who is not studied; nothing before people are simulated."""
        if self.missing:
            return []
        files = {plan.person.label: plan.scans for plan in self.images.people}
        return found_lines(sites.configs(self.config), files, self.found, named=named)

    def _simulate(self, config: Config) -> int:
        """Write whoever is not simulated yet; how many are left when only the plan is asked for."""
        source = source_of(config)
        missing = source.missing()
        if not missing or config.dry_run:
            return missing
        log.info("simulating %d people into %s", missing, config.source.root)
        source.write_missing(self.cluster())
        return 0

    def _people(self) -> tuple[pd.DataFrame, Found | None]:
        """Read who takes part; predict who is yet to be simulated."""
        if not self.missing:
            people = sites.read_everybody(self.config)
            if self.config.level != "study" or self.config.cohort.sites:
                return people, None
            if self.config.dry_run:
                return people, find_inputs(self.config, people)
            return people, find_hashed(self.config, people, self.cluster)[0]
        if self.config.cohort.sites:
            raise UserError(
                f"{self.missing} people of the simulated sites are not there yet, and the plan of "
                "several sites needs their files; run without dry_run first."
            )
        people = valid_people(predicted_table(self.config).rows, self.config.cohort)
        return people, predicted_files(self.config, people, self.missing)

    def _without_lost_reference(self, failures: list[Failure]) -> list[Failure]:
        """Build the controls' reference without those who failed, where that is allowed."""
        assert self.images.reference is not None
        if complete_parts(self.lake, [self.images.reference]):
            return failures
        if not self.config.allow_failures:
            self.images = replace(self.images, people=())
            return failures
        failed = [failure.label for failure in failures]
        left = self.people[~self.people["participant_id"].isin(failed)]
        self.images = plan_images(self.config, left)
        return failures + make_people(self.maker, self.images)


class ShareExport(ImageStudy):
    """One site's images up to the sums that it hands on."""

    compared: ClassVar[bool] = False

    def write(self, study: Finished) -> None:
        """Write the file of sums and its description."""
        share = study.group.of(Share)
        assert share is not None
        labels = [plan.person.label for plan in study.plans]
        write_share(self.config, self.store, self.lake, share.task, labels)

    def shown(self, study: Finished) -> str:
        """Return the folder of the file."""
        return FOLDER

    def write_people(self, failures: Sequence[Failure]) -> None:
        """Write who failed, and nobody's map: the folder is shared."""
        outputs.write_failures(self.store, failures)
