"""The sums of an export as tasks: shares of the voxels, and runs of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rt1t2_dask.pipelines.contrasts.fitting import scale_of_rows
from rt1t2_dask.pipelines.engine.task import Files, Parents, Task, as_tuple
from rt1t2_dask.pipelines.images.stages import TEMPLATE_OUT
from rt1t2_dask.pipelines.share.stages import (
    SHARE,
    SHARE_BLOCK,
    SHARE_CELLS,
    SHARE_DIFFERENCES,
    SHARE_PATTERNS,
)
from rt1t2_dask.pipelines.share.voxels import together
from rt1t2_dask.pipelines.voxelwise.runs import block_count, runs_of, settings_of
from rt1t2_dask.storage.parts import Part

Settings = Mapping[str, Any]


def share_tasks(
    settings: Settings,
    cells: Mapping[str, Any] | None,
    parents: Parents,
    files: Files,
    voxels: float,
) -> tuple[Task, ...]:
    """Plan the sums of a site, parents before children; the last joins them.

    Parameters
    ----------
    settings : mapping
        Of `ShareSettings`, without the runs.
    cells : mapping of str to sequence, optional
        Of an earlier export of the same people, by group.
    parents : mapping of str to Part or tuple of Part
        Everybody's maps (``row``) and regional means, and the template.
    files : mapping of str to InputFile
        The mask, where there is one.
    voxels : float
        How many to expect.
    """
    n, maps = len(settings["group"]), {k: own for k, own in parents.items() if k != "parcels"}
    scale = scale_of_rows(settings)
    count = block_count(together(n), voxels)
    shares = [{**scale, "block": k, "blocks": count} for k in range(count)]
    patterns = [SHARE_PATTERNS.task(share, maps, files) for share in shares]
    divided = _cells(settings, cells, patterns)
    own = {"groups": settings["about"]["groups"], "matrix": settings["matrix"]}
    read = {**maps, "cells": divided.part}
    blocks = [SHARE_BLOCK.task({**share, **own}, read, files) for share in shares]
    runs, differences = _differences(settings, scale, maps, files)
    whole = {"block": _parts(blocks), "differences": _parts(differences)}
    joined = SHARE.task({**settings, "runs": runs}, {**parents, **read, **whole}, files)
    return (*patterns, divided, *blocks, *differences, joined)


def _cells(settings: Settings, cells: Mapping[str, Any] | None, patterns: Sequence[Task]) -> Task:
    about = settings["about"]
    own = {name: settings[name] for name in ("group", "matrix")}
    own |= {"groups": about["groups"], "minimum_people": about["minimum_people"], "cells": cells}
    return SHARE_CELLS.task(own, {"patterns": _parts(patterns)})


def _differences(
    settings: Settings, scale: Settings, maps: Parents, files: Files
) -> tuple[list[int], list[Task]]:
    """Plan the differences over runs of each group; return the group of each, and the tasks."""
    group, names = np.asarray(settings["group"], np.str_), settings["about"]["groups"]
    rows, found, tasks = as_tuple(maps["row"]), [], []
    for k, name in enumerate(names):
        members = np.flatnonzero(group == name).tolist()
        for people in (members[run] for run in runs_of(len(members))):
            read = {
                "row": tuple(rows[p] for p in people),
                TEMPLATE_OUT.name: maps[TEMPLATE_OUT.name],
            }
            tasks.append(SHARE_DIFFERENCES.task(settings_of(scale, people), read, files))
            found.append(k)
    return found, tasks


def _parts(tasks: Sequence[Task]) -> tuple[Part, ...]:
    return tuple(task.part for task in tasks)
