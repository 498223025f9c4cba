"""The table of input files: file, reason, voxels, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.storage.parts import Lake

COLUMNS = ("participant_id", "image", "file", "chosen", "voxel_mm", "shape", "warnings")


def input_table(lake: Lake, plans: Sequence[PersonPlan]) -> pd.DataFrame:
    """List every file of every person.

    Returns
    -------
    DataFrame
        ``participant_id``, ``image`` (``t1w``, ``t2w``, ``lesion``, ...), ``file`` (relative to the
        source), ``chosen`` (the reason), ``voxel_mm`` and ``shape`` of checked images,
        ``warnings``; n/a for none.
    """
    rows = [row for plan in plans for row in _rows(lake, plan)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(lake: Lake, plan: PersonPlan) -> Iterator[dict[str, Any]]:
    for task in plan.tasks.values():
        looked = _record(lake, task).get("inputs", {}) if task.files else {}
        for role, file in task.each_file():
            seen = looked.get(role.removesuffix("_raw"), {})
            yield {
                "participant_id": plan.person.label,
                "image": role,
                "file": file.path,
                "chosen": file.chosen or None,
                "voxel_mm": _times(seen.get("voxel_mm")),
                "shape": _times(seen.get("shape")),
                "warnings": "; ".join(seen.get("warnings", [])) or None,
            }


def _record(lake: Lake, task: Task) -> Mapping[str, Any]:
    """Return what a stage left of its files; nothing where the person failed before."""
    try:
        return lake.record(task.part)
    except FileNotFoundError:
        return {}


def _times(numbers: Sequence[float] | None) -> str | None:
    return " x ".join(f"{n:.4g}" for n in numbers) if numbers else None
