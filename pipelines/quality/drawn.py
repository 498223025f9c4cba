"""The pictures of everybody in an output folder, whoever failed included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import Failure, PersonPlan
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.pipelines.quality import pictures, refused
from rt1t2_dask.pipelines.quality.pictures import Drawing, Limits
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store


@dataclass(frozen=True)
class Looked:
    """Whose images of a study are looked at.

    Parameters
    ----------
    plans : sequence of PersonPlan
        Whose maps are there.
    failed : sequence of PersonPlan
        Of the others those who have scans.
    failures : sequence of Failure
    template : Task
        The template on the grid of the maps.
    """

    lake: Lake
    config: Config
    plans: Sequence[PersonPlan]
    failed: Sequence[PersonPlan]
    failures: Sequence[Failure]
    template: Task


def path_of(person: Person, name: str) -> str:
    """Return the path of a picture in the output folder."""
    if name == pictures.TEMPLATE:
        return pictures.TEMPLATE_FRAME
    names = pictures.NAMES | refused.NAMES
    return f"{person.folder}/figures/{person.label}_{names[name]}"


def write_pictures(
    executor: Executor, store: Store, looked: Looked, flags: Mapping[str, str]
) -> None:
    """Draw everybody's pictures on the workers, and write them.

    Parameters
    ----------
    flags : mapping of str to str
        Reasons by label; those who have any are drawn first.
    """
    plans = sorted(_with_maps(looked), key=lambda plan: not flags.get(plan.person.label))
    plans = plans[: looked.config.report.mosaics]
    if plans:
        limits = _common_limits(executor, looked, plans)
        drawings = [_drawing(looked, plan, limits, flags) for plan in plans]
        if any(drawing.scanned for drawing in drawings):
            template = executor.submit(pictures.template_frame, drawings[0])
            store.write(pictures.TEMPLATE_FRAME, template.result())
        made = {one.plan.person: executor.submit(pictures.pictures, one) for one in drawings}
        _write_made(store, made)
    if looked.config.report.mosaics:
        _write_made(store, dict(_failed(executor, looked)))


def _with_maps(looked: Looked) -> list[PersonPlan]:
    return [plan for plan in looked.plans if plan.map is not None]


def _drawing(looked: Looked, plan: PersonPlan, limits: Limits, flags: Mapping[str, str]) -> Drawing:
    flag = flags.get(plan.person.label, "")
    return Drawing(looked.lake, looked.config, plan, looked.template, limits, flag)


def _common_limits(executor: Executor, looked: Looked, plans: Sequence[PersonPlan]) -> Limits:
    """Return the medians of everybody's limits, so that colours mean the same in all pictures."""
    found = [executor.submit(pictures.ratio_limits, looked.lake, plan) for plan in plans]
    low, high = np.median([made.result() for made in found], axis=0)
    return float(low), float(high)


def _failed(executor: Executor, looked: Looked) -> Iterator[tuple[Person, Any]]:
    why = {failure.label: failure for failure in looked.failures}
    for plan in looked.failed:
        one = why[plan.person.label]
        about = (looked.lake, plan, one.stage, looked.config.simulated, one.reason)
        yield plan.person, executor.submit(refused.seen_of, *about)


def _write_made(store: Store, made: dict[Person, Any]) -> None:
    """Write pictures as they come, so that few are in memory at once."""
    for person in list(made):
        for name, picture in made.pop(person).result().items():
            store.write(path_of(person, name), picture)
