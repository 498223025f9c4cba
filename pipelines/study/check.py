"""``check=true``: report all problems of a study in seconds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import pandas as pd

from rt1t2_dask.bids import participants as bids
from rt1t2_dask.cluster.executors import workers_of
from rt1t2_dask.cluster.jobs import require_jobs
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError, SubjectError, UserError
from rt1t2_dask.machine import memory_gigabytes
from rt1t2_dask.pipelines.analyses import plan_analyses
from rt1t2_dask.pipelines.contrasts.analysis import too_small
from rt1t2_dask.pipelines.contrasts.group_design import build
from rt1t2_dask.pipelines.contrasts.memory import require_memory
from rt1t2_dask.pipelines.engine.local_files import local_file, of_setting
from rt1t2_dask.pipelines.engine.resources import Shapes
from rt1t2_dask.pipelines.engine.work import complete_parts
from rt1t2_dask.pipelines.files.predicted import Table, predicted_files, predicted_table
from rt1t2_dask.pipelines.images.plan import check_registration, plan_images
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.finished import study_key
from rt1t2_dask.pipelines.people.faults import people_faults
from rt1t2_dask.pipelines.people.inputs import Found
from rt1t2_dask.pipelines.people.notes import (
    files_found,
    masks_passed,
    named_although,
    table_notes,
)
from rt1t2_dask.pipelines.people.read import lines_read
from rt1t2_dask.pipelines.people.table import chosen_people, people_with_files
from rt1t2_dask.pipelines.quality.covariates import from_images, of_the_table, until_known
from rt1t2_dask.pipelines.receptors.plan import receptor_task
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.sites.balance import site_warnings
from rt1t2_dask.pipelines.sites.harmonise_plan import harmony_people
from rt1t2_dask.pipelines.study.check_images import Headers, check_headers, header_of
from rt1t2_dask.pipelines.study.check_places import free_gigabytes, place_faults
from rt1t2_dask.pipelines.study.describe import bytes_a_part, gigabytes
from rt1t2_dask.pipelines.study.effort import SIMULATE, shapes_met
from rt1t2_dask.pipelines.study.memory import require_room
from rt1t2_dask.pipelines.study.participants import selected_people
from rt1t2_dask.pipelines.study.plan_words import how_long, participants_line, steps
from rt1t2_dask.pipelines.study.single import check_stage, numbered
from rt1t2_dask.pipelines.voxelwise.mask import mask_file
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import open_store

SOUND, FAULTY = 0, 2
LOCAL = ("auto", "local", "threads", "synchronous")
FREE_GB = 1.0

T = TypeVar("T")


def run_check(config: Config) -> int:
    """Check a study and print what would be run, its time and its problems.

    Headers are read, voxels are not; nothing is written.

    Returns
    -------
    int
        0 without problems, else 2.
    """
    checks = {site: _Check(own, site) for site, own in sites.configs(config).items()}
    for own in checks.values():
        own.check_source()
    if config.cohort.sites:
        checks[""] = _Check(config)
        checks[""].check_sites({site: own.table.rows for site, own in checks.items() if own.table})
    return max(own.report() for own in checks.values())


class _Check:
    """The check of a study, or of one of its sites."""

    def __init__(self, config: Config, site: str = "") -> None:
        self.config, self.site = config, site
        self.table: Table | None = None
        self.options = config.storage.options()
        self.faults: list[str] = []
        self.lines: list[str] = []
        self.largest: Shapes | None = None
        self.told: list[str] = []

    def check_source(self) -> None:
        """Check everything of one source."""
        self._places()
        self._programs()
        self.table = self._tried(lambda: predicted_table(self.config))
        if self.table is not None:
            self._table(self.table)

    def check_sites(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Check the people of all sites as one study."""
        if set(tables) != set(self.config.cohort.sites):
            return  # the site's missing table is already reported
        people = self._tried(lambda: sites.joined(self.config, tables))
        if people is not None:
            self.lines.append(participants_line(self.config, people))
            self._people(people)

    def report(self) -> int:
        """Print what was found; 0 without problems, else 2."""
        mark = [f"site {self.site}:"] if self.site else []
        lines = [*mark, *self.lines, *_numbered(self.faults)]
        sys.stdout.write("\n".join(lines) + "\n")
        return FAULTY if self.faults else SOUND

    def _tried(self, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except (UserError, RunError, SubjectError) as error:
            fault = " ".join(str(error).split())
            self.faults += [fault] * (fault not in self.faults)
            return None

    def _places(self) -> None:
        config = self.config
        output = place_faults("output_dir", config.output_dir, self.options)
        self.faults += output + place_faults("storage.url", config.storage.url, self.options)
        if not output and config.share.kind == "none":
            store = open_store(config.output_dir, self.options)
            self._tried(lambda: outputs.check_folder(store, config, study_key(config)))

    def _programs(self) -> None:
        self._tried(lambda: check_stage(self.config.stage))
        self._tried(lambda: check_registration(self.config))
        self._tried(lambda: receptor_task(self.config))
        self._tried(lambda: require_jobs(self.config.cluster))
        self._tried(lambda: mask_file(self.config))
        self._header("receptors.gm_prior", self.config.receptors.gm_prior)

    def _header(self, setting: str, path: str | None) -> None:
        if path:
            self._tried(lambda: _header_of_setting(setting, path))

    def _table(self, table: Table) -> None:
        faults = people_faults(table.rows, self.config.cohort, every_group=not self.site)
        self.faults += faults
        if faults:
            self._files_alone(table)
            return
        people = chosen_people(table.rows, self.config.cohort)
        told = self._tried(lambda: from_images(self.config, people))
        if told is None:
            return
        self.told = told
        people = until_known(people, self.told)
        if self.told:
            named = ", ".join(self.told)
            self._note([f"covariates from the images, known once these are made: {named}"])
        self.lines.append(participants_line(self.config, people))
        if not self.site:
            self._people(people)
        self._note(table_notes(self.config, table.rows, named=True))
        found = self._tried(lambda: predicted_files(self.config, people, table.to_simulate))
        if found is not None:
            self._images(table, found)
            self.lines += [f"- {line}" for line in steps(self.config, people)]
            if found.files:
                self._plan(table, people, found)

    def _files_alone(self, table: Table) -> None:
        """Check the files of people in an invalid table, if their labels are usable."""
        cohort = self.config.cohort
        if cohort.group_column not in table.rows or table.to_simulate:
            return
        people = people_with_files(table.rows, cohort)
        if len(people) and not bids.label_faults(people["participant_id"], ""):
            found = self._tried(lambda: predicted_files(self.config, people, 0))
            if found is not None:
                self._images(table, found)

    def _note(self, lines: Iterable[str]) -> None:
        self.lines += [f"note: {line}" for line in lines]

    def _people(self, people: pd.DataFrame) -> None:
        """Describe the people, and check everything that needs no images."""
        config = self.config
        self.lines += lines_read(of_the_table(people, self.told), config.cohort)
        if config.level != "study":
            self._tried(lambda: selected_people(config, people))
            return
        self._tried(lambda: sites.check_groups(config, people))
        if config.share.kind == "none":
            self._tried(lambda: harmony_people(config, people))
            self._note(site_warnings(config, people))
            self._designs(people)

    def _designs(self, people: pd.DataFrame) -> None:
        cohort = self.config.cohort
        for name, form in self.config.every_contrast().items():
            few = too_small(people, form.members or tuple(cohort.groups))
            if few:
                self.lines.append(f"note: No contrast {name}: {few}")
                continue
            try:
                require_memory(self.config, build(form, people, cohort.reference))
            except UserError as error:
                self.faults.append(f"contrast {name}: {error}")

    def _images(self, table: Table, found: Found) -> None:
        if table.to_simulate:
            self.lines.append(f"{table.to_simulate} people are to be simulated first")
            self._tried(lambda: require_room(self.config))
            return
        headers = check_headers(self.config, found)
        self.faults += headers.faults
        self.lines += [f"note: {note}" for note in headers.notes]
        self.largest = headers.largest
        self._tried(lambda: require_room(self.config, headers.largest))
        self.lines.append(files_found(found.files))
        self._note(named_although(found.files, named=True))
        self._note(masks_passed(found, named=True))
        self.lines.append(_what_was_read(headers, len(found.files)))

    def _plan(self, table: Table, people: pd.DataFrame, found: Found) -> None:
        """Describe the work to do, if planning succeeds."""
        if self.faults:
            return
        planned = self._tried(lambda: self._to_do(people, found))
        if planned is not None:
            if table.to_simulate:
                planned[SIMULATE] = table.to_simulate
            shapes = shapes_met(self.config, list(found.files.values()))
            self.lines.append(how_long(self.config, planned, shapes, len(people)))
            self._room(planned, len(people))

    def _to_do(self, people: pd.DataFrame, found: Found) -> Counter[str]:
        images = plan_images(self.config, people, found)
        tasks = {task.part: task for task in images.tasks()}
        if self.config.level == "study" and not self.site:
            lake = Lake(self.config.storage.url, self.options)
            group = plan_analyses(self.config, lake, people, images, predicted=True)
            tasks |= {task.part: task for task in group.tasks()}
            notes = (f"note: {note}" for note in group.notes)
            self.lines += [note for note in notes if note not in self.lines]
        if self.config.stage is not None and self.config.part is not None:
            numbered(list(tasks.values()), self.config.stage, self.config.part)
        whole = complete_parts(Lake(self.config.storage.url, self.options), tasks.values())
        return Counter(part.stage for part in tasks if part not in whole)

    def _room(self, planned: Counter[str], people: int) -> None:
        """Compare required with available memory and disk space."""
        cluster, stages = self.config.cluster, [s for s in planned if s != SIMULATE]
        needs = (gigabytes(stage, self.config, people, self.largest) for stage in stages)
        need = max(needs, default=0.0)
        workers = workers_of(cluster)
        if cluster.kind in LOCAL and need * workers > memory_gigabytes():
            self.faults.append(
                f"{workers} workers of {need:.1f} GB each exceed this machine's "
                f"{memory_gigabytes():.1f} GB; lower cluster.workers."
            )
        size = sum(bytes_a_part(stage, self.config) * planned[stage] for stage in stages) / 1e9
        free = free_gigabytes(self.config.storage.url)
        self.lines.append(
            f"to write: at most {size:.1f} GB before compression"
            + ("" if free is None else f", {free:.0f} GB are free")
        )
        if free is not None and free < min(size, FREE_GB):
            self.faults.append(
                f"storage.url={self.config.storage.url}: only {free:.2f} GB are free."
            )


def _header_of_setting(setting: str, path: str) -> None:
    with of_setting(setting, path):
        header_of(local_file(path, setting), setting)


def _what_was_read(headers: Headers, people: int) -> str:
    """Describe what was read: image headers, DICOM series, ignored files."""
    text = [f"read the headers of {headers.images} images"] * bool(headers.images)
    text += [f"found {headers.series} DICOM series"] * bool(headers.series)
    passed = ", ".join(f"{number} {kind}" for kind, number in sorted(headers.passed_over.items()))
    passed = f"; files ignored: {passed}" if passed else ""
    return f"{' and '.join(text) or 'read no image'} of {people} people{passed}"


def _numbered(faults: list[str]) -> list[str]:
    if not faults:
        return ["no problems found; run the same command without check=true to start"]
    many = "1 problem:" if len(faults) == 1 else f"{len(faults)} problems:"
    return [many, *(f"{number}. {fault}" for number, fault in enumerate(faults, 1))]
