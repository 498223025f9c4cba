"""Plans of many people's chains for the engine's benchmark, and stages that do next to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import xarray as xr

from rt1t2_dask.pipelines.engine.stage import Task
from rt1t2_dask.pipelines.engine.work import Outcome
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.parts import Lake, Part

SHARED = ("template", "head")
CHAIN = {
    "ingest": (),
    "coregister": ("ingest", "template"),
    "bias": ("ingest", "coregister"),
    "brain": ("bias", "head", "template"),
    "normalise": ("bias", "brain", "template"),
    "tissue": ("bias", "brain", "normalise", "template"),
    "landmarks": ("bias", "coregister", "tissue", "brain", "head"),
    "calibrate": ("landmarks", "head"),
    "ratio": ("bias", "coregister", "calibrate", "normalise", "template"),
    "quality": ("ratio", "tissue", "brain", "bias", "coregister", "ingest", "normalise"),
    "smooth": ("ratio", "template"),
    "parcels": ("ratio", "template"),
}
SLEEP_S = 3.0

Make = Callable[[Lake, Task], Outcome]


def nothing(lake: Lake, task: Task) -> Outcome:
    """Make nothing."""
    return Outcome(task)


def small(lake: Lake, task: Task) -> Outcome:
    """Claim and write a part of one record."""
    with lake.claim(task.part) as ours:
        if ours:
            lake.write(task.part, xr.Dataset(), record={"parents": len(task.sources)})
    return Outcome(task, made=ours)


def sleep(lake: Lake, task: Task) -> Outcome:
    """Keep a thread busy."""
    time.sleep(SLEEP_S)
    return Outcome(task)


def planned(parts: int, run_of: str) -> list[Task]:
    """Plan chains of many people, about as many parts as asked for."""
    shared = {stage: _task(run_of, stage, "everybody", {}) for stage in SHARED}
    tasks = list(shared.values())
    for k in range(parts // len(CHAIN)):
        made = dict(shared)
        for stage, needs in CHAIN.items():
            made[stage] = _task(run_of, stage, str(k), {need: made[need].part for need in needs})
            tasks.append(made[stage])
    return tasks


def _task(run_of: str, stage: str, label: str, parents: dict[str, Part]) -> Task:
    part = Part(stage, digest([run_of, stage, label])[:32])
    return Task(stage, part, {"label": label}, parents, {}, {})
