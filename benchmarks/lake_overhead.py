"""CPU that is no image or statistics kernel, and the image half on one and two processes."""

from __future__ import annotations

import os
import time
from typing import Any

from lake_study import Spent, Study

from rt1t2_dask.command_line import Job, _configure
from rt1t2_dask.config import Config
from rt1t2_dask.pipelines.cohort import plan_cohort
from rt1t2_dask.pipelines.people import read_people
from rt1t2_dask.pipelines.plan import plan_images
from rt1t2_dask.pipelines.stage import Task
from rt1t2_dask.storage.parts import Lake

WORKERS = ("cluster=local", "cluster.workers=2")


def overhead(study: Study) -> dict[str, Any]:
    """Share of a run's CPU outside the stages' own functions.

    All processes count: driver, scheduler, nannies, workers, registration children. Kernel is
    what the stages' functions took, less reading their parents from the lake, which is measured
    by reading them all once more. Start-up, claims, encoding, checksums, the output folder and
    the report are overhead.
    """
    spent = study.run("lake-overhead", "overhead", *WORKERS)
    config = _configure(Job(tuple(study.words("lake-overhead", "overhead"))))
    said = study.timings("overhead")
    reading = reading_s(config, planned(config))
    stages = sum(row["stage_cpu_s"] for row in said.values())
    lake = sum(row["cpu_s"] for row in said.values()) - stages
    again = study.run("lake-overhead", "overhead", *WORKERS)
    share = 1 - (stages - reading) / spent.cpu_s
    marginal = (lake + reading) / (stages + lake)
    print(f"overhead: {spent.cpu_s:.0f} CPU s in all, {stages:.0f} in stage functions, of these")
    print(f"  {reading:.1f} reading parts; claims, encoding and writing {lake:.1f};")
    print(f"  start-up, scheduling, outputs and report {spent.cpu_s - stages - lake:.1f}")
    print(f"  (a run with nothing to do {again.cpu_s:.1f}): share {share:.3f};")
    print(f"  of the work on parts alone {marginal:.3f}")
    return {
        "overhead_share": share,
        "overhead_share_of_parts": marginal,
        "overhead_cpu_s": {
            "all": spent.cpu_s,
            "stages": stages,
            "reading": reading,
            "writing": lake,
            "nothing_to_do": again.cpu_s,
        },
    }


def planned(config: Config) -> list[Task]:
    people = read_people(config)
    images = plan_images(config, people)
    shared = {role: task.part for role, task in images.shared.items()}
    return [*images.tasks(), *plan_cohort(config, people, images.people, shared).tasks()]


def reading_s(config: Config, tasks: list[Task]) -> float:
    """CPU seconds to read every parent of every task once."""
    lake = Lake(config.storage.url, config.storage.options())
    began = time.process_time()
    for task in {task.part: task for task in tasks}.values():
        for parent in task.parents.values():
            lake.read(parent).load()
    return time.process_time() - began


def two_processes(study: Study) -> dict[str, Any]:
    """Wall time of the image half on one and on two worker processes; needs idle cores.

    Where others use the cores too, the second figure says what their absence would give: the
    run's CPU outside of parts plus that of the parts, divided by the processes.
    """
    spent: dict[int, Spent] = {}
    by_cpu: dict[int, float] = {}
    for workers in (1, 2):
        words = (f"cluster.workers={workers}", "cohort.contrasts={}", "cluster=local")
        spent[workers] = study.run(f"lake-w{workers}", f"w{workers}", *words)
        parts = sum(row["cpu_s"] for row in study.timings(f"w{workers}").values())
        by_cpu[workers] = spent[workers].cpu_s - parts + parts / workers
    ratio, idle = spent[1].wall_s / spent[2].wall_s, by_cpu[1] / by_cpu[2]
    print(
        f"two processes: {spent[1].wall_s:.0f} s on one, {spent[2].wall_s:.0f} s on two, ", end=""
    )
    print(f"ratio {ratio:.2f} at a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores;")
    print(f"  by CPU of parts and of the rest {idle:.2f}")
    return {"two_process_ratio": ratio, "two_process_ratio_by_cpu": idle}
