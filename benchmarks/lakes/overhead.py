"""CPU that is no image or statistics kernel, and the image half on one and two processes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import xarray as xr
from lakes.study import Spent, Study

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analyses import plan_analyses
from rt1t2_dask.pipelines.engine.task import Inputs, Task
from rt1t2_dask.pipelines.images.plan import plan_images
from rt1t2_dask.pipelines.images.stages import STAGES
from rt1t2_dask.pipelines.people.table import read_people
from rt1t2_dask.pipelines.registry import stage_named
from rt1t2_dask.storage.parts import Lake, Part

WORKERS = 2
ON_WORKERS = ("cluster=local", f"cluster.workers={WORKERS}")


def overhead(study: Study) -> dict[str, Any]:
    """Share of a run's CPU outside the stages' own functions.

    All processes count: driver, scheduler, nannies, workers, registration children. Kernel is
    what the stages' functions took, less reading their parents from the lake, which is measured
    by reading once more what they read. Start-up, claims, encoding, checksums, the output folder
    and the report are overhead.
    """
    spent = study.run("lake-overhead", "overhead", *ON_WORKERS)
    config = _configure(Job(tuple(study.words("lake-overhead", "overhead"))))
    said = study.timings("overhead")
    reading = reading_s(config, planned(config))
    stages = sum(row["stage_cpu_s"] for row in said.values())
    lake = sum(row["cpu_s"] for row in said.values()) - stages
    again = study.run("lake-overhead", "overhead", *ON_WORKERS)
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
    """Plan all parts of a study whose people are there, of people and of the cohort."""
    people = read_people(config)
    images = plan_images(config, people)
    lake = Lake(config.storage.url, config.storage.options())
    return [*images.tasks(), *plan_analyses(config, lake, people, images).tasks()]


def reading_s(config: Config, tasks: list[Task]) -> float:
    """CPU seconds to read what every task reads; what people share, once a worker."""
    unique = list({task.part: task for task in tasks}.values())
    wanted = arrays_read(config, unique)
    lake = Lake(config.storage.url, config.storage.options())
    shared = {p for t in unique for p in t.sources if stage_named(p.stage).scope == "shared"}
    began = time.process_time()
    for part in WORKERS * sorted(shared):
        lake.read(part).load()
    for task in unique:
        for parent in task.sources:
            if parent not in shared:
                dataset = lake.read(parent)
                names = wanted.get((task.stage, parent.stage), list(dataset.data_vars))
                dataset[[name for name in names if name in dataset]].load()
    return time.process_time() - began


IMAGES = {stage.name for stage in STAGES}


class NotingLake(Lake):
    """A lake that remembers what it opened."""

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(url, options)
        self.opened: list[tuple[Part, xr.Dataset]] = []

    def read(self, part: Part, chunks: Mapping[str, int] | None = None) -> xr.Dataset:
        """Open as the lake does, and remember it."""
        dataset = super().read(part, chunks)
        self.opened.append((part, dataset))
        return dataset


def arrays_read(config: Config, tasks: list[Task]) -> dict[tuple[str, str], list[str]]:
    """Name what each stage of a person reads of each parent, by making one of its parts anew.

    Stages of groups are left out: they read all of their parents.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for task in {task.stage: task for task in tasks if task.stage in IMAGES}.values():
        lake = NotingLake(config.storage.url, config.storage.options())
        stage_named(task.stage).make(Inputs(lake, task))
        for parent in task.sources:
            opened = [dataset for part, dataset in lake.opened if part == parent]
            names = {str(n) for d in opened for n in d.data_vars if d[n].variable._in_memory}
            found[task.stage, parent.stage] = sorted(names)
    return found


def two_processes(study: Study) -> dict[str, Any]:
    """Wall time of the image half on one and on two worker processes; needs idle cores."""
    spent: dict[int, Spent] = {}
    for workers in (1, 2):
        words = (f"cluster.workers={workers}", "level=participant", "cluster=local")
        spent[workers] = study.run(f"lake-w{workers}", f"w{workers}", *words)
    walls, cpus = ([getattr(spent[n], name) for n in (1, 2)] for name in ("wall_s", "cpu_s"))
    ratio = walls[0] / walls[1]
    print(f"two processes: {walls[0]:.0f} s on one, {walls[1]:.0f} s on two, ratio {ratio:.2f};")
    print(f"  {cpus[0]:.0f} and {cpus[1]:.0f} CPU s, ", end="")
    print(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()}")
    return {"two_process_ratio": ratio, "two_process_cpu_ratio": cpus[1] / cpus[0]}
