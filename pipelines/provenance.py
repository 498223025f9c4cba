"""Where the numbers come from: versions, seeds, settings, keys and checksums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rt1t2_dask import assets
from rt1t2_dask.pipelines.cohort import CohortPlan
from rt1t2_dask.pipelines.finished import Finished
from rt1t2_dask.pipelines.page import used_assets
from rt1t2_dask.pipelines.work import Outcome
from rt1t2_dask.storage.provenance import environment

SECONDS = ("cpu_s", "stage_cpu_s", "wall_s")


def provenance(study: Finished, timing: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Describe a run.

    Parameters
    ----------
    study : Finished
    timing : dict
        Seconds by stage, as `timings` gives; empty where nothing had to be made.
    """
    config = study.config
    used = used_assets(study.plans, study.cohort, study.template)
    files = {
        plan.person.label: {
            file.path: file.sha256 for task in plan.tasks.values() for file in task.files.values()
        }
        for plan in study.everybody
    }
    return {
        "config": config.model_dump(mode="json"),
        "seeds": {
            "permute": config.permute.seed,
            "receptors": config.receptors.seed,
            "simulated": getattr(config.source, "seed", None),
        },
        "environment": environment(),
        "assets": {name: assets.resolve(name).sha256 for name in used},
        "inputs": files,
        "parts": {
            p.person.label: {s: t.part.key for s, t in p.tasks.items()} for p in study.everybody
        },
        "group_parts": _group_keys(study.cohort),
        "timings": timing,
    }


def _group_keys(cohort: CohortPlan) -> dict[str, Any]:
    contrasts = {
        name: {task.stage: task.part.key for task in (p.contrast, p.clusters, p.permute) if task}
        for name, p in cohort.contrasts.items()
    }
    receptors = {group: task.part.key for group, task in cohort.receptors.items()}
    pet = cohort.pet.part.key if cohort.pet else None
    return {"contrasts": contrasts, "pet": pet, "receptors": receptors}


def timings(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Sum CPU and wall seconds by stage over the parts made in this run."""
    spent: dict[str, dict[str, float]] = {}
    for outcome in (outcome for outcome in outcomes if outcome.made):
        row = spent.setdefault(outcome.task.stage, {"parts": 0} | dict.fromkeys(SECONDS, 0.0))
        row["parts"] += 1
        for name in SECONDS:
            row[name] = round(row[name] + getattr(outcome, name), 3)
    return spent
