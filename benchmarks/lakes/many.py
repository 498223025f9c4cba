"""A contrast of many people: its plan on a lake of noise, and plans of sleeps as long as its parts.

Everything here is SIMULATED.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from distributed import Client, LocalCluster
from lakes.out_of_core import ball, write_people

from rt1t2_dask.cluster.dask_executor import ScheduledExecutor
from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.contrasts.fitting import MapsPlan, plan_maps
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.engine.work import Make, Outcome, run_tasks
from rt1t2_dask.stats.design import Design, two_sample
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.parts import Lake, Part


class Many:
    """A lake of many people's maps and the contrast of two groups of them.

    Parameters
    ----------
    folder : Path
    people : int
    """

    def __init__(self, folder: Path, people: int) -> None:
        self.lake, self.mask = Lake(str(folder)), ball()
        self.parents: Parents = write_people(self.lake, people, self.mask)
        self.labels = ["a" if k % 2 else "b" for k in range(people)]
        self.design: Design = two_sample(self.labels, "a", "b")

    def plan(self, variance: str = "welch") -> MapsPlan:
        """Plan the contrast, and forget what was made of it."""
        settings = {
            "design": as_settings(self.design),
            "variance": variance,
            "baseline": [label == "b" for label in self.labels],
            "min_group_n": 5,
            "min_group_share": 0.7,
            "space": "MNI152NLin2009aSym",
        }
        plan = plan_maps(self.design, settings, self.parents, {}, int(self.mask.sum()))
        for task in plan.tasks:
            self.lake.delete(task.part)
        return plan


def run_on(workers: int, threads: int, lake: Lake, tasks: Sequence[Task], make: Make) -> float:
    """Run tasks on workers that are up; return the wall seconds."""
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=threads, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        client.run(_import)
        began = time.perf_counter()
        failed = run_tasks(ScheduledExecutor(client), lake, tasks, lambda outcome: None, make)
        taken = time.perf_counter() - began
    assert not failed
    return taken


def _import() -> None:
    """Import what the parts need, which is no part of their time."""
    from rt1t2_dask.pipelines import registry  # noqa: F401


def sleeping(lake: Lake, task: Task) -> Outcome:
    """Sleep as long as the part was measured to take."""
    time.sleep(float(task.settings.seconds))  # type: ignore[attr-defined]
    return Outcome(task)


class Sleep:
    """Settings of a part that sleeps; picklable, for workers."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


def sleep_task(stage: str, number: int, seconds: float, needs: Sequence[Task] = ()) -> Task:
    """Return a task that sleeps after those that it needs."""
    part = Part(stage, digest([stage, number, seconds])[:32])
    parents = {"row": tuple(task.part for task in needs)}
    return Task(stage, part, Sleep(seconds), parents, {}, {})  # type: ignore[arg-type]


def difference(many: Many, plan: MapsPlan, variance: str) -> float:
    """Return the largest difference of t from one fit of all rows in this process."""
    from rt1t2_dask.stats.glm.fit import fit

    volumes = [
        many.lake.read(part)["smoothed"].to_numpy().transpose(2, 1, 0)[many.mask]
        for part in many.parents["row"]  # type: ignore[union-attr]
    ]
    wanted = fit(np.stack(volumes), many.design, variance).t.astype(np.float32)  # type: ignore[arg-type]
    found = many.lake.read(plan.contrast.part)["stat_t"].to_numpy().transpose(2, 1, 0)[many.mask]
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    return float(np.nanmax(np.abs(found - wanted)))
