"""The time that is left of a run, from the effort of each stage and the speed so far."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import Outcome

SecondsOf = Callable[[str], float]
"""Estimate of the CPU seconds of one part of a stage."""
# What an estimate weighs against what is measured: seconds of work, parts of a stage, seconds.
WEIGHT_WORK_S = 10.0
WEIGHT_PARTS = 2.0
WEIGHT_WORKERS_S = 15.0


class Pace:
    """What is left of a run: parts to make now, parts to make later, and what follows.

    Parameters
    ----------
    seconds_of : callable, optional
        Estimate of the CPU seconds of one part of a stage; without it only what is measured counts.
    workers : int
        How many parts are made at once; what is seen counts more, the longer it is seen.
    then_s : float
        Estimate of the seconds that the run takes after its last part, such as for writing.
    clock : callable
        Seconds from any moment on.
    """

    def __init__(
        self,
        seconds_of: SecondsOf | None = None,
        workers: int = 1,
        then_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workers, self.then_s, self.clock = workers, then_s, clock
        self.seconds_of: SecondsOf = seconds_of or (lambda _: 1.0)
        self.trust = 0.0 if seconds_of is None else 1.0
        self.to_do: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.spent: dict[str, float] = {}
        self.worked_s = 0.0
        self.began: float | None = None

    def begin(self, tasks: Iterable[Task], later: Mapping[str, int] | None = None) -> None:
        """Begin to make parts.

        Parameters
        ----------
        tasks : iterable of Task
        later : mapping of str to int, optional
            How many parts of each stage the run makes after these.
        """
        self.to_do = Counter(task.stage for task in tasks) + Counter(later or {})
        self.began = self.clock()

    def end(self) -> None:
        """Stop the clock: what the run does between parts says nothing of their speed."""
        if self.began is not None:
            self.worked_s += self.clock() - self.began
            self.began = None

    def take(self, outcome: Outcome) -> None:
        """Count a part that ran."""
        stage = outcome.task.stage
        self.to_do[stage] -= 1
        self.made[stage] += 1
        self.spent[stage] = self.spent.get(stage, 0.0) + outcome.wall_s

    def left_s(self) -> float:
        """Return the seconds that are left of the run."""
        slowness = self._slowness()
        work = sum(n * self._seconds(stage, slowness) for stage, n in self.to_do.items())
        return (work / self._busy() if work else 0.0) + self.then_s * slowness

    def _slowness(self) -> float:
        """Return seconds by the clock for each second that was estimated."""
        spent = sum(self.spent.values())
        estimated = sum(n * self.seconds_of(stage) for stage, n in self.made.items())
        weight = self.trust * WEIGHT_WORK_S
        return (spent + weight) / (estimated + weight)

    def _seconds(self, stage: str, slowness: float) -> float:
        """Return the seconds of one more part of a stage."""
        expected = WEIGHT_PARTS * self.seconds_of(stage) * slowness
        return (self.spent.get(stage, 0.0) + expected) / (self.made[stage] + WEIGHT_PARTS)

    def _busy(self) -> float:
        """Return how many parts are made at once."""
        now = 0.0 if self.began is None else self.clock() - self.began
        spent = sum(self.spent.values())
        seen, weight = self.worked_s + now, self.trust * WEIGHT_WORKERS_S
        return (spent + weight * self.workers) / (seen + weight)
