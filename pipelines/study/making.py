"""Make the parts of a study: what each half asks for, here and at other sites."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack

from rt1t2_dask.cluster.graph import SerialExecutor
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError
from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.engine.progress import shown
from rt1t2_dask.pipelines.engine.runs import record_run
from rt1t2_dask.pipelines.engine.stage import Task
from rt1t2_dask.pipelines.engine.work import Outcome, Tell, complete_parts, missing_tasks, run_tasks
from rt1t2_dask.pipelines.images.plan import Failure, ImagePlan
from rt1t2_dask.pipelines.people.inputs import known_checksums
from rt1t2_dask.pipelines.permutations.running import RunningEstimate
from rt1t2_dask.pipelines.sensitivity.plan import SensitivityPlan
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.sites.study import Remote, SitesPlan
from rt1t2_dask.pipelines.study.cohort import CohortPlan
from rt1t2_dask.pipelines.study.failed import failures_of, shared_scans, without
from rt1t2_dask.storage.parts import Lake, Part

log = logging.getLogger("rt1t2_dask")
TARGETS = (
    *("ingest", "map", "brain", "tissue", "landmarks", "calibrate", "coregister", "ratio"),
    *("quality", "smooth", "parcels"),
)


class Maker:
    """Make parts that are missing in a lake, and keep what became of each.

    Parameters
    ----------
    config : Config
    cluster : LazyCluster
        Started when something is to be made.
    lake : Lake
    """

    def __init__(self, config: Config, cluster: LazyCluster, lake: Lake) -> None:
        self.config, self.cluster, self.lake = config, cluster, lake
        self.outcomes: list[Outcome] = []

    def one(self, images: ImagePlan, cohort: CohortPlan, wanted: Task) -> bool:
        """Make one part and what it still needs, in this process; say whether all is there."""
        tasks = [*images.tasks(), *cohort.tasks()]
        todo = missing_tasks(tasks, [wanted.part], complete_parts(self.lake, tasks))
        failed = run_tasks(SerialExecutor(), self.lake, todo, self.outcomes.append)
        for part, reason in failed.items():
            log.error("stage %s failed: %s", part.stage, reason)
        made = sum(outcome.made and outcome.reason is None for outcome in self.outcomes)
        log.info("%d parts made for %s %s", made, wanted.stage, self.config.part)
        return not failed

    def images(self, images: ImagePlan) -> list[Failure]:
        """Make the image half; say who could not be processed."""
        targets = [
            task.part for plan in images.people for s, task in plan.tasks.items() if s in TARGETS
        ]
        targets += [task.part for task in images.shared.values()]
        moved = self._elsewhere(images.remote) if isinstance(images, SitesPlan) else []
        failed = self._make(images.tasks(), targets)
        for task in images.shared.values():
            if task.part in failed:
                raise RunError(f"stage {task.stage} failed: {failed[task.part]}")
        failures = [*images.failures, *moved, *failures_of(images.people, failed)]
        return [*failures, *shared_scans(self.lake, without(images.people, failures))]

    def _elsewhere(self, remote: Sequence[Remote]) -> list[Failure]:
        """Process each site's images where they lie and copy what the group half reads."""
        failures: list[Failure] = []
        for site in remote:
            with ExitStack() as stack:
                own = Maker(site.config, LazyCluster(site.config, stack), _lake(site.config))
                record_run(own.lake, self.config, (task.part for task in site.images.tasks()))
                failed = own.images(site.images)
            known_checksums(site.config.storage).save()
            self.outcomes += own.outcomes
            copied = sites.move(site, self.lake, without(site.images.people, failed))
            log.info("%s: %d parts copied here", site.config.storage.url, copied)
            failures += failed
        return failures

    def gain(self, task: Task | None) -> None:
        """Make the gains of a study, from which its group half is planned."""
        failed = self._make([task], [task.part]) if task else {}
        for part, reason in failed.items():
            raise RunError(f"stage {part.stage} failed: {reason}")

    def group(self, cohort: CohortPlan) -> None:
        """Make the group half, all of it or none."""
        for note in cohort.notes:
            log.info("%s", note)
        tasks = cohort.tasks()
        estimate = RunningEstimate(self.lake, self.config, cohort)
        failed = self._make(tasks, [task.part for task in tasks], estimate)
        for part, reason in failed.items():
            raise RunError(f"stage {part.stage} failed: {reason}")

    def sensitivity(self, plan: SensitivityPlan) -> None:
        """Make the contrasts under other choices; the table says where one failed."""
        tasks = plan.tasks()
        targets = [t.part for choice in plan.choices for t in choice.clusters.values()]
        failed = self._make(tasks, targets) if tasks else {}
        if failed:
            log.warning("%d parts of the sensitivity analyses failed: see the table", len(failed))

    def _make(
        self, tasks: Sequence[Task], targets: Sequence[Part], watch: Tell | None = None
    ) -> dict[Part, str]:
        whole = complete_parts(self.lake, tasks)
        todo = missing_tasks(tasks, targets, whole)
        if not todo:
            return {}
        log.info("%d parts to compute, %d already complete", len(todo), len(whole))
        with shown(todo) as tell:

            def take(outcome: Outcome) -> None:
                self.outcomes.append(outcome)
                tell(outcome)
                if watch:
                    watch(outcome)

            return run_tasks(self.cluster(), self.lake, todo, take)


def _lake(config: Config) -> Lake:
    return Lake(config.storage.url, config.storage.options())
