"""A study of regional tables: plan, make what is missing, write the results."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pandas as pd

from rt1t2_dask.cluster.graph import GraphExecutor
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.morphometry.features import measured_share
from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.engine.progress import shown
from rt1t2_dask.pipelines.engine.runs import record_run
from rt1t2_dask.pipelines.engine.stage import Task
from rt1t2_dask.pipelines.engine.work import Outcome, complete_parts, missing_tasks, run_tasks
from rt1t2_dask.pipelines.images.plan import Failure
from rt1t2_dask.pipelines.morphometry.compute import features_of
from rt1t2_dask.pipelines.morphometry.inputs import labelled, simulate_tables
from rt1t2_dask.pipelines.morphometry.plan import MorphometryPlan, plan_features, plan_study
from rt1t2_dask.pipelines.morphometry.write import FinishedMorphometry, write_lost, write_study
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.finished import study_key
from rt1t2_dask.pipelines.outputs.provenance import timings
from rt1t2_dask.pipelines.outputs.write import is_written
from rt1t2_dask.pipelines.people.notes import table_notes
from rt1t2_dask.pipelines.people.read import lines_read, log_read
from rt1t2_dask.pipelines.people.table import read_people, read_table
from rt1t2_dask.pipelines.study.check_places import require_places
from rt1t2_dask.pipelines.study.failed import warn
from rt1t2_dask.pipelines.transcriptome.table_checks import check_tables
from rt1t2_dask.storage.claims import release_dead
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.stores import Store, open_store

log = logging.getLogger("rt1t2_dask")
DONE, SOME_FAILED = 0, 1
OPTIONAL = ("transcriptome",)


def run_regional(config: Config, cluster: LazyCluster | None) -> int:
    """Run a study of regional tables.

    Parameters
    ----------
    config : Config
    cluster : LazyCluster, optional
        Where to work; the study's own where left out.

    Returns
    -------
    int
        0 when everything is there, 1 when a person failed.

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
    config = labelled(config)
    store = open_store(config.output_dir, config.storage.options())
    outputs.check_folder(store, config, study_key(config))
    if config.simulated:
        log.info("SIMULATED DATA: regional tables from a seed; no result says anything of people")
    with ExitStack() as stack:
        return MorphometryRun(config, store, cluster or LazyCluster(config, stack)).run()


class MorphometryRun:
    """One study of regional tables from its source to the report."""

    def __init__(self, config: Config, store: Store, cluster: Callable[[], GraphExecutor]) -> None:
        self.config, self.store, self.cluster = config, store, cluster
        self.lake = Lake(config.storage.url, config.storage.options())
        self.outcomes: list[Outcome] = []
        self.began = time.perf_counter()

    def run(self) -> int:
        """Run it; 0 when everything is there, 1 when a person's tables were not enough."""
        config = self.config
        release_dead(self.lake.store)
        written = simulate_tables(config)
        if written:
            log.info("simulated %d files into %s", written, config.source.root)
        people = read_people(config)
        features = plan_features(config, people)
        foreseen = plan_study(config, people, features, range(len(people)))
        check_tables(self.lake, foreseen.tasks())
        if config.dry_run or config.check:
            self._describe(foreseen, people)
            return DONE
        log_read(people, config.cohort)
        for line in table_notes(config, read_table(config), named=False):
            log.info("%s", line)
        self._make([features])
        failures = self._lost(people, features)
        lost = {failure.label for failure in failures}
        rows = [k for k, label in enumerate(people["participant_id"]) if label not in lost]
        if failures:
            warn(failures, len(people), config)
        if failures and not (config.allow_failures and rows):
            write_lost(self.store, config, people, failures)
            return SOME_FAILED
        plan = plan_study(config, people, features, rows)
        record_run(self.lake, self.config, (task.part for task in plan.tasks()))
        if config.stage is not None and config.part is not None:
            return self._make_one(plan)
        notes = self._make_all(plan)
        self._finish(FinishedMorphometry(config, self.lake, people, rows, plan, failures, notes))
        return SOME_FAILED if failures else DONE

    def _lost(self, people: pd.DataFrame, features: Task) -> tuple[Failure, ...]:
        """Find who lacks too many regions for a network."""
        record = self.lake.record(features.part)
        data = features_of(self.lake.read(features.part), record)
        rules = self.config.similarity
        own = [data.features.index(name) for name in rules.features or rules.also]
        share = measured_share(data.values[:, :, own])  # noqa: PD011
        least = rules.least_regions
        if record["left_out"]:
            log.warning("%d regions lack a feature in everybody", len(record["left_out"]))
        return tuple(
            Failure(
                label,
                features.stage,
                f"{100 * found:.0f} % of the regions have all features, less than "
                f"similarity.least_regions={least:g}: complete the tables, or leave the person out "
                "with cohort.exclude",
            )
            for label, found in zip(people["participant_id"], share.tolist(), strict=True)
            if found < least
        )

    def _make_all(self, plan: MorphometryPlan) -> tuple[str, ...]:
        """Make every part; give a note for what could not be tested against expression."""
        for note in plan.notes:
            log.info("%s", note)
        failed = self._make(plan.tasks())
        names = {task.part: name for name, task in plan.transcriptome.items()}
        notes = [f"No gene expression of {names[p]}: {why}." for p, why in failed.items()]
        for note in notes:
            log.warning("%s", note)
        return tuple(notes)

    def _make(self, tasks: Sequence[Task]) -> dict[Part, str]:
        """Make what is missing; failures of optional stages are given back, others raised."""
        whole = complete_parts(self.lake, tasks)
        todo = missing_tasks(tasks, [task.part for task in tasks], whole)
        if not todo:
            return {}
        log.info("%d parts to compute, %d already complete", len(todo), len(whole))
        with shown(todo) as tell:

            def take(outcome: Outcome) -> None:
                self.outcomes.append(outcome)
                tell(outcome)

            failed = run_tasks(self.cluster(), self.lake, todo, take)
        for part, reason in failed.items():
            if part.stage not in OPTIONAL:
                raise RunError(f"stage {part.stage} failed: {reason}")
        return failed

    def _make_one(self, plan: MorphometryPlan) -> int:
        tasks = plan.tasks()
        own = [task for task in tasks if task.stage == self.config.stage]
        number = self.config.part or 1
        if number > len(own):
            known = ", ".join(f"{s} ({n})" for s, n in Counter(t.stage for t in tasks).items())
            raise UserError(
                f"stage={self.config.stage} part={number}: there is no such part; parts by stage: "
                f"{known}."
            )
        wanted = own[number - 1].part
        todo = missing_tasks(tasks, [wanted], complete_parts(self.lake, tasks))
        failed = run_tasks(self.cluster(), self.lake, todo, self.outcomes.append)
        for part, reason in failed.items():
            log.error("stage %s failed: %s", part.stage, reason)
        return SOME_FAILED if failed else DONE

    def _describe(self, plan: MorphometryPlan, people: pd.DataFrame) -> None:
        tasks = {task.part: task for task in plan.tasks()}
        whole = complete_parts(self.lake, tasks.values())
        total, done = Counter(part.stage for part in tasks), Counter(p.stage for p in whole)
        counted = ", ".join(f"{n} {group}" for group, n in people["group"].value_counts().items())
        lines = [f"{len(people)} people ({counted}), lake {self.config.storage.url}"]
        lines += lines_read(people, self.config.cohort)
        notes = table_notes(self.config, read_table(self.config), named=True)
        lines += [f"note: {line}" for line in notes]
        if self.config.simulated:
            lines.append("SIMULATED DATA: regional tables from a seed")
        lines.append(f"{'stage':<20}{'parts':>6}{'done':>6}{'to do':>7}")
        lines += [f"{s:<20}{n:>6}{done[s]:>6}{n - done[s]:>7}" for s, n in total.items()]
        sys.stdout.write("\n".join([*lines, *plan.notes]) + "\n")

    def _finish(self, study: FinishedMorphometry) -> None:
        where = self.config.output_dir
        if is_written(self.store, study.key()):
            log.info("nothing to do: %s holds these results", where)
        else:
            log.info("writing %s", where)
            outputs.claim_folder(self.store, self.config, study_key(self.config))
            write_study(self.store, study, timings(self.outcomes))
        for stage, spent in timings(self.outcomes).items():
            log.info("%-20s %4d parts %8.1f CPU s", stage, spent["parts"], spent["cpu_s"])
        log.info("done in %.0f s: open %s/report.html", time.perf_counter() - self.began, where)
