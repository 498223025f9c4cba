"""Sums over all people as tasks: runs of people, and the sums of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from rt1t2_dask.pipelines.engine.task import Files, Parents, Task
from rt1t2_dask.pipelines.voxelwise.runs import (
    COPIED_BYTES,
    MOST_TOGETHER,
    parents_of_run,
    runs_of,
    settings_of,
)
from rt1t2_dask.pipelines.voxelwise.stages import BLOCK_COPY, SUMS, TOTAL

MOST_ADDED = 16
"""Parts of sums that one task reads."""


def plan_sums(
    groups: Sequence[int],
    matrix: Sequence[Sequence[float]],
    scale: Mapping[str, Any],
    parents: Parents,
    files: Files,
    baseline: Sequence[bool] = (),
    sampled: Sequence[int] = (),
) -> list[Task]:
    """Plan the sums of all rows, by runs.

    Parameters
    ----------
    groups : sequence of int
        Of each row.
    matrix : sequence of sequence of float
        The design.
    scale : mapping
        As `scale_settings` returns.
    parents : mapping of str to Part or tuple of Part
        The maps of the rows, and the template.
    files : mapping of str to InputFile
        The mask, where there is one.
    baseline, sampled : sequence
        See `SumSettings`.
    """
    found = []
    for run in runs_of(len(groups)):
        own = {
            "group": tuple(groups[run]),
            "groups": max(groups) + 1,
            "matrix": matrix[run],
            "baseline": tuple(baseline[run]),
            "sampled": tuple(k - run.start for k in sampled if run.start <= k < run.stop),
        }
        own |= settings_of(scale, range(run.start, run.stop))
        found.append(SUMS.task(own, parents_of_run(parents, run), files))
    return found


def plan_copy(
    n: int, scale: Mapping[str, Any], parents: Parents, files: Files, voxels: float
) -> list[Task]:
    """Plan a copy of ``n`` rows by voxel: the shares of each run one after the other."""
    shares = max(1, ceil(4 * MOST_TOGETHER * voxels / COPIED_BYTES))
    tasks = []
    for run in runs_of(n):
        own, read = settings_of(scale, range(run.start, run.stop)), parents_of_run(parents, run)
        shared = ({**own, "block": k, "blocks": shares} for k in range(shares))
        tasks += [BLOCK_COPY.task(share, read, files) for share in shared]
    return tasks


def plan_totals(sums: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """Plan the sums of many runs; return the tasks, and the few whose parts are to be read."""
    tasks, last = [], list(sums)
    while len(last) > MOST_ADDED:
        share = range(0, len(last), MOST_ADDED)
        parts = [tuple(task.part for task in last[k : k + MOST_ADDED]) for k in share]
        last = [TOTAL.task({}, {"sums": own}) for own in parts]
        tasks += last
    return tasks, last
