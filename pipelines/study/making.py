"""Make the parts of a study that are missing, and keep what became of each."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rt1t2_dask.cluster.executors import workers_of
from rt1t2_dask.cluster.graph import SerialExecutor
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError
from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.engine.pace import Pace
from rt1t2_dask.pipelines.engine.progress import shown
from rt1t2_dask.pipelines.engine.task import InputFile, Task
from rt1t2_dask.pipelines.engine.work import (
    Outcome,
    Tell,
    complete_parts,
    missing_tasks,
    run_tasks,
)
from rt1t2_dask.pipelines.study.effort import cpu_seconds, shapes_met, writing_seconds
from rt1t2_dask.pipelines.study.shapes import shapes_of
from rt1t2_dask.storage.parts import Lake, Part

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.analysis import GroupPlan

log = logging.getLogger("rt1t2_dask")


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
        self.shapes = shapes_of(config)
        self.pace = Pace(self._seconds_of, workers_of(config.cluster))

    def expect(self, people: Sequence[Mapping[str, InputFile]]) -> None:
        """Estimate the time that is left from people's files, with the writing of results."""
        self.shapes = shapes_met(self.config, people)
        self.pace.then_s = writing_seconds(self.config, self.shapes, len(people), self.pace.workers)

    def _seconds_of(self, stage: str) -> float:
        return cpu_seconds(stage, self.shapes)

    def one(self, tasks: Sequence[Task], wanted: Task) -> bool:
        """Make one part and what it still needs, in this process; say whether all is there."""
        todo = missing_tasks(tasks, [wanted.part], complete_parts(self.lake, tasks))
        failed = run_tasks(SerialExecutor(), self.lake, todo, self.outcomes.append)
        for part, reason in failed.items():
            log.error("stage %s failed: %s", part.stage, reason)
        made = sum(outcome.made and outcome.reason is None for outcome in self.outcomes)
        log.info("%d parts made for %s %s", made, wanted.stage, self.config.part)
        return not failed

    def group(self, plan: GroupPlan) -> tuple[str, ...]:
        """Make the parts of all analyses; return notes on those that may fail and did.

        Raises
        ------
        RunError
            A part that is required failed.
        """
        for note in plan.notes:
            log.info("%s", note)
        targets = [part for analysis in plan.analyses for part in analysis.targets()]
        watches = (analysis.watch(self.lake, self.config) for analysis in plan.analyses)
        failed = self.make(plan.tasks(), targets, [watch for watch in watches if watch])
        optional = {part for analysis in plan.analyses for part in analysis.optional()}
        self.require({task.part for task in plan.tasks()} - optional, failed)
        notes = [note for analysis in plan.analyses for note in analysis.lost(failed)]
        for note in notes:
            log.warning("%s", note)
        return tuple(notes)

    def required(self, tasks: Sequence[Task]) -> None:
        """Make parts that everything else needs.

        Raises
        ------
        RunError
            One of them failed.
        """
        parts = [task.part for task in tasks]
        self.require(set(parts), self.make(tasks, parts))

    @staticmethod
    def require(parts: set[Part], failed: dict[Part, str]) -> None:
        """Refuse to go on without some parts; raises `RunError` with the first that failed."""
        for part, reason in failed.items():
            if part in parts:
                raise RunError(f"stage {part.stage} failed: {reason}")

    def make(
        self,
        tasks: Sequence[Task],
        targets: Sequence[Part],
        watches: Sequence[Tell] = (),
        later: Sequence[Task] = (),
    ) -> dict[Part, str]:
        """Make what is missing for some parts; return those that failed, and why.

        Parameters
        ----------
        tasks : sequence of Task
        targets : sequence of Part
            What must be there in the end.
        watches : sequence of callable
            Called with each outcome.
        later : sequence of Task
            What the run makes after these, for the time that is left.
        """
        whole = complete_parts(self.lake, tasks)
        todo = missing_tasks(tasks, targets, whole)
        if not todo:
            return {}
        log.info("%d parts to compute, %d already complete", len(todo), len(whole))
        with shown(todo, self.pace, Counter(task.stage for task in later)) as tell:

            def take(outcome: Outcome) -> None:
                self.outcomes.append(outcome)
                for each in (tell, *watches):
                    each(outcome)

            return run_tasks(self.cluster(), self.lake, todo, take)
