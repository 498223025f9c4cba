"""Whose sessions are compared, as tasks."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rt1t2_dask.pipelines.analysis import Group
from rt1t2_dask.pipelines.calibration.design import (
    ContrastRefusedError,
    conditions,
    require_not_confounded,
    usable,
)
from rt1t2_dask.pipelines.calibration.group_scale import RATIO, scale_settings
from rt1t2_dask.pipelines.calibration.map_scale import scale_of
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS, SMOOTH, TEMPLATE_OUT
from rt1t2_dask.pipelines.people.kinds import PERSON, SESSION
from rt1t2_dask.pipelines.reliability.stages import RELIABILITY
from rt1t2_dask.pipelines.voxelwise.mask import mask_file
from rt1t2_dask.stats.glm.reliability import LEAST_PEOPLE


def plan_reliability(group: Group) -> tuple[dict[str, Task], list[str]]:
    """Plan the reliability of every group; notes say which groups and people are left out."""
    rows, plans = usable(group.rows, group.plans)
    sessions = group.config.source.sessions
    tasks: dict[str, Task] = {}
    notes = []
    for name in group.config.cohort.groups:
        own = rows[rows["group"] == name]
        places = complete(own, sessions)
        people, told = len(places) // len(sessions), [plans[k] for k in places]
        if people < LEAST_PEOPLE:
            notes.append(
                f"No reliability of {name}: {people} of its people have all sessions, "
                f"{LEAST_PEOPLE} are needed."
            )
            continue
        try:
            require_not_confounded(conditions(rows.iloc[places]), told)
        except ContrastRefusedError as error:
            notes.append(f"No reliability of {name}: {error}")
            continue
        if alone := own[PERSON].nunique() - people:
            notes.append(f"The reliability of {name} leaves out {alone} without all sessions.")
        tasks[name] = _task(group, told)
    return tasks, notes


def complete(rows: pd.DataFrame, sessions: Sequence[str]) -> list[int]:
    """Return the places of people who have all sessions: each person's together, in that order.

    Parameters
    ----------
    rows : DataFrame
        Its index is the places.
    sessions : sequence of str
    """
    at = {(p, s): int(k) for k, p, s in zip(rows.index, rows[PERSON], rows[SESSION], strict=True)}
    persons = [p for p in dict.fromkeys(rows[PERSON]) if all((p, s) in at for s in sessions)]
    return [at[person, session] for person in persons for session in sessions]


def _task(group: Group, plans: Sequence[PersonPlan]) -> Task:
    config = group.config
    told = {
        **scale_settings(plans, RATIO),
        "sessions": len(config.source.sessions),
        "maps": config.reliability.maps,
        "planned": scale_of(config).value,
        "space": config.space,
    }
    parents: Parents = {
        "row": tuple(plan.part(SMOOTH) for plan in plans),
        "region": tuple(plan.part(PARCELS) for plan in plans),
        TEMPLATE_OUT.name: group.shared[TEMPLATE_OUT.name],
    }
    return RELIABILITY.task(told, parents, mask_file(config))
