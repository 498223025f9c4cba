"""One part of a study by its number, so that a plain job array works without Dask."""

from __future__ import annotations

from collections.abc import Sequence

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.registry import STAGES


def numbered(tasks: Sequence[Task], stage: str, part: int) -> Task:
    """Find a part by its stage and its number.

    Parameters
    ----------
    tasks : sequence of Task
        All of the study.
    stage : str
    part : int
        From 1: people in the order of the participants table, contrasts and groups in that of
        the cohort file.

    Raises
    ------
    UserError
        When there is no such stage or no such number.
    """
    unique = {task.part: task for task in tasks}
    own = [task for task in unique.values() if task.stage == stage]
    if not own:
        known = ", ".join(dict.fromkeys(task.stage for task in tasks))
        raise UserError(f"stage={stage}: this study has no such stage; choose from {known}.")
    if part > len(own):
        raise UserError(f"part={part}: stage {stage} has {len(own)} parts, numbered from 1.")
    return own[part - 1]


def check_stage(stage: str | None) -> None:
    """Refuse a stage that no study has, before anything is read or simulated."""
    known = [each.name for each in STAGES]
    if stage is not None and stage not in known:
        raise UserError(f"stage={stage}: there is none; choose from {', '.join(known)}.")
