"""What the graph of parts costs: tasks a second, CPU of the driver, order, busy threads.

python benchmarks/engine.py [tasks] [lake] [threads] [first] [--parts 24000] [--people N]
    [--scans FOLDER]

`tasks` runs stages that do nothing on two worker processes, `lake` the same with small parts that
are claimed and written to a local lake, `threads` tasks of 3 s on 1,000 threads, `first` the
shipped study (29 people at 4 mm, SIMULATED) on two workers. Prints a line a figure, then one JSON
object.

Bars: tasks_per_s 400, driver_ms_per_task 0.5, utilisation_1000 0.6, first_person_share 0.15.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster
from lakes.engine_parts import SLEEP_S, Make, nothing, planned, sleep, small
from lakes.study import Study, run
from summary.figures import conclude

from rt1t2_dask.cluster.dask_executor import ScheduledExecutor
from rt1t2_dask.cluster.executors import open_cluster
from rt1t2_dask.cluster.graph import GraphExecutor
from rt1t2_dask.config.study import Cluster
from rt1t2_dask.pipelines.engine.work import run_tasks
from rt1t2_dask.storage.parts import Lake, Part

WARM_UP_PARTS = 500
THREADS = 1000
PROCESSES = 2


def walked(executor: GraphExecutor, lake: Lake, parts: int, make: Make) -> tuple[float, float]:
    """Run a plan; return parts a second and CPU ms of this thread a part."""
    run_tasks(executor, lake, planned(WARM_UP_PARTS, f"warm {make}"), lambda outcome: None, make)
    tasks, told = planned(parts, f"measured {make}"), []
    began, cpu = time.perf_counter(), time.thread_time()
    failed = run_tasks(executor, lake, tasks, told.append, make)
    wall, cpu = time.perf_counter() - began, time.thread_time() - cpu
    assert not failed
    assert len(told) == len(tasks)
    return len(tasks) / wall, 1000 * cpu / len(tasks)


def tasks_(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Stages that do nothing."""
    with open_cluster(Cluster(kind="local", workers=PROCESSES)) as executor:
        rate, cpu = walked(executor, Lake(str(folder / "none")), asked.parts, nothing)
    return {"tasks_per_s": rate, "driver_ms_per_task": cpu}


def lake_(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Stages that write a small part each."""
    with open_cluster(Cluster(kind="local", workers=PROCESSES)) as executor:
        rate, cpu = walked(executor, Lake(str(folder / "lake")), asked.parts, small)
    return {"tasks_per_s_lake": rate, "driver_ms_per_task_lake": cpu}


@contextmanager
def many_threads() -> Iterator[GraphExecutor]:
    """Start two processes with many threads each."""
    with (
        LocalCluster(
            n_workers=PROCESSES, threads_per_worker=THREADS // PROCESSES, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield ScheduledExecutor(client)


def threads_(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Share of the time that threads sleep, which is their work here."""
    with many_threads() as executor:
        rate, _ = walked(executor, Lake(str(folder / "none")), asked.parts, sleep)
    return {f"utilisation_{THREADS}": rate * SLEEP_S / THREADS}


def first_(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Parts done when the first person of a real study is whole, over all its parts."""
    study = Study(folder, asked.people, 4.0)
    scans = [f"source.root={asked.scans}"] if asked.scans else []
    words = [word for word in study.words("first", "out") if not (scans and "source.root" in word)]
    run([*words, *scans, "template.voxel_mm=4", "cluster=local", f"cluster.workers={PROCESSES}"])
    return {"first_person_share": share_when_first(folder / "first", folder / "out")}


def share_when_first(lake_of: Path, out: Path) -> float:
    """Compute the share of a run's parts that were whole when its first person was."""
    lake = Lake(str(lake_of))
    people = json.loads((out / "provenance.json").read_text())["parts"].values()
    when = {
        entry.path: entry.modified
        for entry in lake.store.entries("parts")
        if entry.path.endswith(".json") and entry.path.count("/") == 2
    }
    whole = min(
        max(when[Part(stage, key).marker] for stage, key in parts.items()) for parts in people
    )
    return sum(at <= whole for at in when.values()) / len(when)


SECTIONS = {"tasks": tasks_, "lake": lake_, "threads": threads_, "first": first_}


def main() -> None:
    """Measure the sections asked for; print their figures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}")
    asked.add_argument("--parts", type=int, default=24_000)
    asked.add_argument("--people", type=int, default=0, help="of the study; 0 = as shipped")
    asked.add_argument("--scans", help="simulated scans of an earlier run at 4 mm")
    args = asked.parse_args()
    figures: dict[str, Any] = {"load": os.getloadavg()[0]}
    for name in args.sections or SECTIONS:
        with tempfile.TemporaryDirectory() as folder:
            found = SECTIONS[name](args, Path(folder))
        figures |= found
    conclude("engine", figures)


if __name__ == "__main__":
    main()
