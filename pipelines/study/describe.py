"""The plan of a study in words: what is there, what is to do, how large."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from rt1t2_dask.cluster.jobs import job_script
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import GroupPlan
from rt1t2_dask.pipelines.engine.resources import Shapes
from rt1t2_dask.pipelines.engine.work import complete_parts
from rt1t2_dask.pipelines.images.plan import ImagePlan
from rt1t2_dask.pipelines.registry import stage_named
from rt1t2_dask.pipelines.study.effort import SIMULATE, shapes_met
from rt1t2_dask.pipelines.study.plan_words import how_long, participants_line, steps
from rt1t2_dask.pipelines.study.shapes import shapes_of
from rt1t2_dask.storage.parts import Lake


def describe(
    config: Config,
    lake: Lake,
    people: pd.DataFrame,
    images: ImagePlan,
    group: GroupPlan,
    to_simulate: int = 0,
    said: Sequence[str] = (),
) -> None:
    """Print the plan: in words, then parts done and to do, bytes, memory a task, time.

    Parameters
    ----------
    people : DataFrame
        As `rt1t2_dask.pipelines.people.table.read_people` gives.
    to_simulate : int
        How many people's scans are made first.
    said : sequence of str
        What was found and what is not studied.
    """
    tasks = {task.part: task for task in (*images.tasks(), *group.tasks())}
    whole = complete_parts(lake, tasks.values())
    total = Counter(part.stage for part in tasks)
    done = Counter(part.stage for part in whole)
    to_do = +(total - done) + Counter({SIMULATE: to_simulate})
    lines = [participants_line(config, people), *said]
    if to_simulate:
        lines.append(f"SIMULATED: {to_simulate} of {len(people)} people are to be simulated first")
    lines += [f"- {line}" for line in steps(config, people)]
    lines += ["", *_table(config, len(images.people), total, done)]
    shapes = shapes_met(config, [plan.scans for plan in images.people])
    lines += [how_long(config, to_do, shapes, len(people))]
    lines += [f"{f.stage} cannot be planned for one person: {f.reason}" for f in images.failures]
    script = job_script(config.cluster)
    start = f"how each worker starts (cluster={config.cluster.kind}):"
    asked = [] if script is None else [start, script]
    sys.stdout.write("\n".join([*lines, *group.notes, *asked]) + "\n")


def _table(config: Config, people: int, total: Counter[str], done: Counter[str]) -> list[str]:
    width = max(map(len, total)) + 1
    lines = [
        f"{people} people have their files; lake {config.storage.url}",
        f"{'stage':<{width}}{'parts':>6}{'done':>6}{'to do':>7}{'MB a part':>11}{'GB a task':>11}"
        "  makes",
    ]
    for stage, n in total.items():
        size, memory = bytes_a_part(stage, config) / 1e6, gigabytes(stage, config, people)
        counts = f"{n:>6}{done[stage]:>6}{n - done[stage]:>7}"
        words = stage_named(stage).words
        lines.append(f"{stage:<{width}}{counts}{size:>11.1f}{memory:>11.1f}  {words}")
    to_do = sum(bytes_a_part(stage, config) * n for stage, n in (total - done).items())
    return [*lines, f"to write: at most {to_do / 1e9:.2f} GB before compression"]


def gigabytes(stage: str, config: Config, people: int, largest: Shapes | None = None) -> float:
    """Predict the peak memory of one part.

    Parameters
    ----------
    people : int
        Whom a group stage reads.
    largest : Shapes, optional
        Of the largest images, where their headers were read.
    """
    shapes = shapes_of(config, people)
    if largest is not None:
        shapes = replace(shapes, voxels={**shapes.voxels, **largest.voxels})
    return stage_named(stage).memory(shapes) / 1e9


def bytes_a_part(stage: str, config: Config) -> float:
    """Estimate the bytes of one part of a stage before compression."""
    return shapes_of(config).volumes(stage_named(stage).writes)
