"""What a run spent on each stage."""

from __future__ import annotations

from collections.abc import Sequence

from rt1t2_dask.pipelines.engine.work import Outcome

SECONDS = ("cpu_s", "stage_cpu_s", "wall_s")


def timings(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Sum CPU and wall seconds by stage over the parts made in this run."""
    spent: dict[str, dict[str, float]] = {}
    for outcome in (outcome for outcome in outcomes if outcome.made):
        row = spent.setdefault(outcome.task.stage, {"parts": 0} | dict.fromkeys(SECONDS, 0.0))
        row["parts"] += 1
        for name in SECONDS:
            row[name] = round(row[name] + getattr(outcome, name), 3)
    return spent
