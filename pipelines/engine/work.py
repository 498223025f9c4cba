"""Making parts: one on a worker, and all of a plan through an executor."""

from __future__ import annotations

import ctypes
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rt1t2_dask.cluster.graph import GraphExecutor, Node
from rt1t2_dask.errors import RunError, SubjectError, UserError
from rt1t2_dask.pipelines.engine.task import Inputs, Task
from rt1t2_dask.storage.parts import Lake, Part

Tell = Callable[["Outcome"], None]
Make = Callable[[Lake, Task], "Outcome"]
NOT_RUN = "not run because of a part that failed: "


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

    trim_heap()
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


def trim_heap() -> None:
    """Return freed memory to the system, if the C library can.

    Once per part is cheap; a trim threshold doubles the CPU time of image stages.
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


class Done(NamedTuple):
    """What a worker sends back of a part: small, without its task or its data."""

    reason: str | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    stage_cpu_s: float = 0.0
    made: bool = True
    ran: bool = True

    def of(self, task: Task) -> Outcome:
        """Return the same with the task."""
        return Outcome(task, self.cpu_s, self.wall_s, self.reason, self.stage_cpu_s, self.made)


def run_tasks(
    executor: GraphExecutor, lake: Lake, tasks: Sequence[Task], tell: Tell, make: Make = make_part
) -> dict[Part, str]:
    """Run tasks as one graph, depth first.

    Parameters
    ----------
    executor : GraphExecutor
    lake : Lake
    tasks : sequence of Task
        Parents before children; parts that are read and not among them are whole.
    tell : callable
        Called in this thread with each outcome; not for what was not run.
    make : callable, optional
        Makes one part on a worker.

    Returns
    -------
    dict of Part to str
        The parts that failed, and why, in the order of the tasks; what needed them was not run.
    """
    nodes = work_graph(lake, tasks, make)
    failed: dict[Part, str] = {}

    def take(key: str, done: Done) -> None:
        if done.ran:
            outcome = done.of(nodes[key].args[-1])
            if outcome.reason is not None:
                failed[outcome.task.part] = outcome.reason
            tell(outcome)

    lost = executor.walk(list(nodes.values()), take)
    for key, error in lost.items():
        text = f"its worker died or could not run it ({type(error).__name__}: {error})"
        take(key, Done(text))
    return {task.part: failed[task.part] for task in tasks if task.part in failed}


def work_graph(lake: Lake, tasks: Sequence[Task], make: Make) -> dict[str, Node]:
    """Return the graph's nodes by key; of two walks on one scheduler each has its own keys."""
    walk = uuid.uuid4().hex[:8]
    keys: dict[Part, str] = {}
    nodes: dict[str, Node] = {}
    for task in tasks:
        parents = tuple(keys[part] for part in task.sources if part in keys)
        key = keys.setdefault(task.part, f"{task.stage}-{task.part.key}-{walk}")
        nodes.setdefault(key, Node(key, _run, (make, lake, task), parents))
    return nodes


def _run(make: Make, lake: Lake, task: Task, *parents: Done) -> Done:
    """Make a part on a worker, unless one that it reads failed: failures are values."""
    for parent in parents:
        if parent.reason is not None:
            said = parent.reason.removeprefix(NOT_RUN)
            return Done(f"{NOT_RUN}{said}", ran=False)
    made = make(lake, task)
    return Done(made.reason, made.cpu_s, made.wall_s, made.stage_cpu_s, made.made)
