"""The one way from a source to results, whatever the study is of."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import Failure
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.outputs.timings import timings
from rt1t2_dask.pipelines.outputs.write import is_written, write_results
from rt1t2_dask.pipelines.study.failed import warn
from rt1t2_dask.pipelines.study.making import Maker
from rt1t2_dask.pipelines.study.runs import record_run
from rt1t2_dask.pipelines.study.single import numbered
from rt1t2_dask.scratch import clear_abandoned
from rt1t2_dask.storage.claims import release_dead
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store

log = logging.getLogger("rt1t2_dask")
DONE, SOME_FAILED = 0, 1


class Workflow:
    """What a kind of study plans, makes and writes; the driver decides when.

    Parameters
    ----------
    config : Config
    store : Store
        The output folder.
    cluster : LazyCluster
    """

    compared: ClassVar[bool] = False
    """Whether the page of a sweep shows its results."""

    def __init__(self, config: Config, store: Store, cluster: LazyCluster) -> None:
        self.config, self.store, self.cluster = config, store, cluster
        self.lake = Lake(config.storage.url, config.storage.options())
        self.maker = Maker(config, cluster, self.lake)

    def plan(self) -> int:
        """Plan everything that is known before anything is made; return how many people."""
        raise NotImplementedError

    def tasks(self) -> list[Task]:
        """Return every task planned so far, parents before children."""
        raise NotImplementedError

    def recorded(self) -> list[Task]:
        """Return the tasks whose parts the run makes or copies into its lake."""
        return self.tasks()

    def describe(self) -> None:
        """Print the plan."""
        raise NotImplementedError

    def log_inputs(self) -> None:
        """Log what was read of people and files."""

    def make_people(self) -> Sequence[Failure]:
        """Make people's own parts; return who could not be processed."""
        return ()

    def goes_on(self, failures: Sequence[Failure]) -> bool:
        """Whether there are results of the group."""
        return True

    def make_group(self, failures: Sequence[Failure]) -> Finished:
        """Make the parts of the group, without those who failed."""
        raise NotImplementedError

    def write_people(self, failures: Sequence[Failure]) -> None:
        """Write people's maps where there are no results of the group."""

    def write(self, study: Finished) -> None:
        """Write the results, unless they are there."""
        if is_written(self.store, study):
            log.info("nothing to do: %s holds these results", self.config.output_dir)
            return
        log.info("writing %s", self.config.output_dir)
        write_results(self.cluster(), self.store, study, timings(self.maker.outcomes))

    def shown(self, study: Finished) -> str:
        """Return what of the output folder is to be looked at first."""
        return study.page or "group"

    def record(self) -> None:
        """Record what the run makes or copies, for garbage collection to leave."""
        record_run(self.lake, self.config, (task.part for task in self.recorded()))


def drive(workflow: Workflow, then: Callable[[Finished], None] | None = None) -> int:
    """Plan a study, make what is missing, write the results.

    Parameters
    ----------
    workflow : Workflow
    then : callable, optional
        Called with the finished study once its results are written, where these are compared.

    Returns
    -------
    int
        0 when everything is there, 1 when a person failed.
    """
    config, began = workflow.config, time.perf_counter()
    release_dead(workflow.lake.store)
    people = workflow.plan()
    asked = None if config.stage is None or config.part is None else (config.stage, config.part)
    if asked:
        numbered(workflow.tasks(), *asked)
    if config.dry_run or config.check:
        workflow.describe()
        return DONE
    clear_abandoned()
    workflow.lake.clear_dead()
    workflow.log_inputs()
    workflow.record()
    if asked:
        return _one(workflow, *asked)
    failures = workflow.make_people()
    if failures:
        warn(failures, people, config)
    if not workflow.goes_on(failures):
        workflow.write_people(failures)
    else:
        _finish(workflow, workflow.make_group(failures), began, then)
    return SOME_FAILED if failures else DONE


def _one(workflow: Workflow, stage: str, part: int) -> int:
    tasks = workflow.tasks()
    return DONE if workflow.maker.one(tasks, numbered(tasks, stage, part)) else SOME_FAILED


def _finish(
    workflow: Workflow, study: Finished, began: float, then: Callable[[Finished], None] | None
) -> None:
    workflow.write(study)
    for stage, spent in timings(workflow.maker.outcomes).items():
        log.info("%-10s %4d parts %8.1f CPU s", stage, spent["parts"], spent["cpu_s"])
    where = f"{workflow.config.output_dir}/{workflow.shown(study)}"
    log.info("done in %.0f s: open %s", time.perf_counter() - began, where)
    if then is not None and workflow.compared:
        then(study)
