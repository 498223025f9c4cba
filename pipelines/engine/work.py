"""Making parts: one on a worker, and all of a plan through an executor."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass

from rt1t2_dask.errors import RunError, SubjectError, UserError
from rt1t2_dask.pipelines.engine.task import Inputs, Task
from rt1t2_dask.storage.parts import Lake, Part

WINDOW = 256

Tell = Callable[["Outcome"], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one task.

    Parameters
    ----------
    task : Task
    cpu_s, wall_s : float
        Seconds it took, child processes included.
    stage_cpu_s : float
        What of `cpu_s` the stage's own function took, with reading its inputs; the rest is the
        lake's: claim, encoding, checksums, writing.
    reason : str, optional
        Why it failed.
    made : bool
        Whether it was made here; else another run made it in the meantime.
    """

    task: Task
    cpu_s: float = 0.0
    wall_s: float = 0.0
    reason: str | None = None
    stage_cpu_s: float = 0.0
    made: bool = True


def make_part(lake: Lake, task: Task) -> Outcome:
    """Make one part, unless it is whole already; one person's fault comes back as a reason."""
    from threadpoolctl import threadpool_limits

    from rt1t2_dask.pipelines.registry import stage_named
    from rt1t2_dask.pipelines.study.memory import require_room_for

    give_back()
    cpu, wall = _cpu_seconds(), time.perf_counter()
    in_stage = 0.0
    try:
        with lake.claim(task.part) as ours, threadpool_limits(1):
            if ours:
                begun = _cpu_seconds()
                made = stage_named(task.stage).make(Inputs(lake, task))
                require_room_for(task.stage, made.dataset, worker_gigabytes())
                in_stage = _cpu_seconds() - begun
                lake.write(task.part, made.dataset, record=made.record, files=made.files)
    except SubjectError as error:
        return Outcome(task, reason=str(error))
    except (UserError, RunError):
        raise
    except Exception as error:
        if os.environ.get("RT1T2_DEBUG"):
            raise
        return Outcome(task, reason=f"unexpected {type(error).__name__}: {error}")
    cpu, wall = _cpu_seconds() - cpu, time.perf_counter() - wall
    return Outcome(task, cpu, wall, stage_cpu_s=in_stage, made=ours)


def give_back() -> None:
    """Hand memory that the part before freed back to the system, where the C library can.

    Once a part is cheap; a threshold that does so at every release doubles the CPU of images.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def worker_gigabytes() -> float | None:
    """Return the memory limit of the Dask worker that calls; None elsewhere, or without a limit."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        limit = get_worker().memory_manager.memory_limit
    except (ValueError, AttributeError):
        return None
    return limit / 1e9 if limit else None


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def complete_parts(lake: Lake, tasks: Iterable[Task]) -> set[Part]:
    """Find which parts are whole, with one listing a stage."""
    wanted = {task.part for task in tasks}
    keys = {stage: lake.complete_keys(stage) for stage in {part.stage for part in wanted}}
    return {part for part in wanted if part.key in keys[part.stage]}


def missing_tasks(tasks: Sequence[Task], targets: Iterable[Part], whole: set[Part]) -> list[Task]:
    """Choose the tasks that must run for the targets to be there, in plan order.

    Parameters
    ----------
    tasks : sequence of Task
        Parents before children.
    targets : iterable of Part
    whole : set of Part
        The parts that need no work.
    """
    wanted = {part for part in targets if part not in whole}
    for task in reversed(tasks):
        if task.part in wanted:
            wanted |= set(task.sources) - whole
    unique = {task.part: task for task in tasks if task.part in wanted}
    return list(unique.values())


def run_tasks(executor: Executor, lake: Lake, tasks: Sequence[Task], tell: Tell) -> dict[Part, str]:
    """Run tasks, each when its parents are there, at most `WINDOW` at a time.

    Returns
    -------
    dict of Part to str
        The parts that failed, and why; what needed them was not run.
    """
    return _Flow(executor, lake, tasks, tell).run()


class _Flow:
    def __init__(self, executor: Executor, lake: Lake, tasks: Sequence[Task], tell: Tell) -> None:
        self.executor, self.lake, self.tell = executor, lake, tell
        own = {task.part for task in tasks}
        self.unmet = {task.part: set(task.sources) & own for task in tasks}
        self.waiting = {task.part: task for task in tasks}
        self.children: dict[Part, list[Part]] = {}
        for part, parents in self.unmet.items():
            for parent in parents:
                self.children.setdefault(parent, []).append(part)
        self.ready = [task.part for task in tasks if not self.unmet[task.part]]
        self.running: dict[Future[Outcome], Task] = {}
        self.failed: dict[Part, str] = {}

    def run(self) -> dict[Part, str]:
        while self.ready or self.running:
            self._submit()
            finished, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=lambda f: self.running[f].part.key):
                self._take(_outcome(future, self.running.pop(future)))
        return self.failed

    def _submit(self) -> None:
        while self.ready and len(self.running) < WINDOW:
            task = self.waiting.pop(self.ready.pop(0))
            self.running[self.executor.submit(make_part, self.lake, task)] = task

    def _take(self, outcome: Outcome) -> None:
        part = outcome.task.part
        self.tell(outcome)
        if outcome.reason is not None:
            self.failed[part] = outcome.reason
            return
        for child in self.children.get(part, []):
            self.unmet[child].discard(part)
        freed = [child for child in self.children.get(part, []) if not self.unmet[child]]
        self.ready[:0] = freed


def _outcome(future: Future[Outcome], task: Task) -> Outcome:
    """Read a result; a worker that died takes down its task, not the run."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, (UserError, RunError)):
        raise error
    text = f"its worker died or could not run it ({type(error).__name__}: {error})"
    return Outcome(task, reason=text)
