"""Where the numbers come from: versions, seeds, settings, keys and checksums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rt1t2_dask import assets
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import Outcome
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.outputs.page import used_assets
from rt1t2_dask.pipelines.sensitivity.plan import SensitivityPlan
from rt1t2_dask.pipelines.study.cohort import CohortPlan
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
            file.path: file.sha256 for task in plan.tasks.values() for _, file in task.each_file()
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
        "group_parts": group_keys(study.cohort, study.sensitivity),
        "timings": timing,
    }


def group_keys(cohort: CohortPlan, sensitivity: SensitivityPlan) -> dict[str, Any]:
    """Return the key of every part of a group half, by what it belongs to and its stage."""
    own = {
        "contrasts": {name: plan.tasks() for name, plan in cohort.contrasts.items()},
        "meta": {name: plan.tasks() for name, plan in cohort.meta.items()},
        "sensitivity": {
            f"{kind}-{name}": choice.tasks()
            for kind in ("calibrations", "edges")
            for name, choice in getattr(sensitivity, kind).items()
        },
    }
    said = {task.part for kind in own.values() for tasks in kind.values() for task in tasks}
    said |= {task.part for task in cohort.receptors.values()}
    return {
        kind: {name: _by_stage(t) for name, t in named.items()} for kind, named in own.items()
    } | {
        "pet": cohort.pet.part.key if cohort.pet else None,
        "receptors": {group: task.part.key for group, task in cohort.receptors.items()},
        "other": _by_stage(task for task in cohort.tasks() if task.part not in said),
    }


def _by_stage(tasks: Iterable[Task]) -> dict[str, str | list[str]]:
    """Return the key of each stage, a list where it has several parts."""
    found: dict[str, list[str]] = {}
    for task in tasks:
        found.setdefault(task.stage, []).append(task.part.key)
    return {stage: keys[0] if len(keys) == 1 else keys for stage, keys in found.items()}


def timings(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Sum CPU and wall seconds by stage over the parts made in this run."""
    spent: dict[str, dict[str, float]] = {}
    for outcome in (outcome for outcome in outcomes if outcome.made):
        row = spent.setdefault(outcome.task.stage, {"parts": 0} | dict.fromkeys(SECONDS, 0.0))
        row["parts"] += 1
        for name in SECONDS:
            row[name] = round(row[name] + getattr(outcome, name), 3)
    return spent
