"""Plans of many people's chains, and what makes their parts without any image."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import xarray as xr

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import Outcome
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.parts import Lake, Part

EMPTY = xr.Dataset()
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


def planned(people: int, bad: Sequence[int] = (), bad_stage: str = "bias") -> list[Task]:
    """Plan every person's chain, one person after the other."""
    shared = {stage: _task(stage, "everybody", {}) for stage in SHARED}
    tasks = list(shared.values())
    for k in range(people):
        made = dict(shared)
        for stage, needs in CHAIN.items():
            fault = k in bad and stage == bad_stage
            made[stage] = _task(stage, f"person {k}", {n: made[n] for n in needs}, fault=fault)
            tasks.append(made[stage])
    return tasks


def _task(stage: str, label: str, parents: dict[str, Task], **settings: bool) -> Task:
    parts = {role: task.part for role, task in parents.items()}
    settings = {"label": label, "fault": False} | settings
    part = Part(stage, digest([stage, label])[:32])
    return Task(stage, part, settings, parts, {}, {})


def label(task: Task) -> str:
    return str(task.settings["label"])


def nothing(lake: Lake, task: Task) -> Outcome:
    """Make nothing; a person with a fault has a reason."""
    return Outcome(task, reason="no brain in it" if task.settings["fault"] else None)


def written(lake: Lake, task: Task) -> Outcome:
    """Claim and write a small part that depends on what it reads."""
    with lake.claim(task.part) as ours:
        if ours:
            own = int(task.part.key[:6], 16)
            number = own + sum(lake.record(part)["number"] for part in task.sources) % 1000
            lake.write(task.part, EMPTY, record={"number": number})
    return Outcome(task, made=ours)


def refused(lake: Lake, task: Task) -> Outcome:
    """Find a setting wrong in the part with a fault."""
    if task.settings["fault"]:
        raise UserError("checks.least=3: there are 2.")
    return Outcome(task)


def deadly(lake: Lake, task: Task) -> Outcome:
    """Kill the worker in the part with a fault."""
    if task.settings["fault"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(task)
