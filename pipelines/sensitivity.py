"""The contrasts again under every other calibration: from `calibrate` on, images are shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.config import Config
from rt1t2_dask.pipelines.calibrate import CALIBRATE
from rt1t2_dask.pipelines.cohort import CohortPlan
from rt1t2_dask.pipelines.contrast import CONTRAST
from rt1t2_dask.pipelines.contrast_plan import ContrastPlan
from rt1t2_dask.pipelines.plan import PersonPlan
from rt1t2_dask.pipelines.ratio import RATIO
from rt1t2_dask.pipelines.smooth import SMOOTH
from rt1t2_dask.pipelines.stage import Task
from rt1t2_dask.pipelines.volumes import to_volume
from rt1t2_dask.ratio.calibrate import KINDS, UNITS
from rt1t2_dask.stats.sensitivity import ContrastMaps, summarise
from rt1t2_dask.storage.parts import Lake, Part

COLUMNS = (
    *("contrast", "calibration", "region", "voxels", "effect", "effect_percent", "t"),
    *("same_sign_share", "units", "reason"),
)


@dataclass(frozen=True)
class Choice:
    """One calibration: everybody's tasks from `calibrate` to `smooth`, and the contrasts."""

    people: tuple[Mapping[str, Task], ...]
    contrasts: Mapping[str, Task]


@dataclass(frozen=True)
class SensitivityPlan:
    """The other calibrations that were asked for, by kind; empty where none was."""

    choices: Mapping[str, Choice] = field(default_factory=dict)

    def tasks(self) -> list[Task]:
        """Give every task, parents before children."""
        listed = []
        for choice in self.choices.values():
            listed += [task for person in choice.people for task in person.values()]
            listed += choice.contrasts.values()
        return listed


def plan_sensitivity(
    config: Config, plans: Sequence[PersonPlan], cohort: CohortPlan
) -> SensitivityPlan:
    """Plan what ``report.calibration_sensitivity`` asks for; nothing for ready-made maps."""
    asked = config.report.calibration_sensitivity
    kinds = KINDS if asked is True else asked or ()
    if not plans or "calibrate" not in plans[0].tasks or not cohort.contrasts:
        return SensitivityPlan()
    others = [kind for kind in KINDS if kind in kinds and kind != config.calibration.kind]
    return SensitivityPlan({kind: _choice(kind, plans, cohort) for kind in others})


def _choice(kind: str, plans: Sequence[PersonPlan], cohort: CohortPlan) -> Choice:
    people = tuple(_person(kind, plan) for plan in plans)
    instead = {
        plan.part("smooth"): own["smooth"].part for plan, own in zip(plans, people, strict=True)
    }
    contrasts = {name: _contrast(plan, instead) for name, plan in cohort.contrasts.items()}
    return Choice(people, contrasts)


def _person(kind: str, plan: PersonPlan) -> dict[str, Task]:
    main = plan.tasks
    calibrate = CALIBRATE.task(
        {**main["calibrate"].settings, "kind": kind}, main["calibrate"].parents
    )
    ratio = _again(main["ratio"], {main["calibrate"].part: calibrate.part})
    return {
        "calibrate": calibrate,
        "ratio": ratio,
        "smooth": _again(main["smooth"], {main["ratio"].part: ratio.part}),
    }


def _again(task: Task, instead: Mapping[Part, Part]) -> Task:
    """Plan a task with other parents."""
    stage = {"ratio": RATIO, "smooth": SMOOTH, "contrast": CONTRAST}[task.stage]
    parents = {role: instead.get(part, part) for role, part in task.parents.items()}
    return stage.task(task.settings, parents, task.files, tuple(task.assets) or None)


def _contrast(plan: ContrastPlan, instead: Mapping[Part, Part]) -> Task:
    return _again(plan.contrast, instead)


def sensitivity_rows(
    lake: Lake, config: Config, plan: SensitivityPlan, cohort: CohortPlan
) -> pd.DataFrame | None:
    """Table the contrasts' effects under every calibration; None where it was not asked for.

    Returns
    -------
    DataFrame
        `COLUMNS`: the main calibration first; within the main analysis' clusters and over all
        tested voxels. Where a calibration failed for somebody: one row with the reason.
    """
    if not plan.choices:
        return None
    rows = [
        row
        for name, contrast in cohort.contrasts.items()
        for row in _rows_of(lake, config, plan, name, contrast)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows_of(
    lake: Lake, config: Config, plan: SensitivityPlan, name: str, main: ContrastPlan
) -> list[dict[str, Any]]:
    reference = _array(lake, main.contrast.part, "stat_effect")
    regions = _regions(lake, main, reference)
    tasks: dict[str, Task] = {config.calibration.kind: main.contrast}
    tasks |= {kind: choice.contrasts[name] for kind, choice in plan.choices.items()}
    rows: list[dict[str, Any]] = []
    for kind, task in tasks.items():
        said = {"contrast": name, "calibration": kind, "units": UNITS[kind]}
        if task.part.key not in lake.complete_keys("contrast"):
            rows.append(said | {"reason": _reason(lake, plan.choices[kind])})
            continue
        found = summarise(_maps(lake, task), reference, regions, centred=kind == "gm_median")
        rows += [said | row for row in found]
    return rows


def _reason(lake: Lake, choice: Choice) -> str:
    whole = lake.complete_keys("calibrate")
    lost = sum(person["calibrate"].part.key not in whole for person in choice.people)
    return f"it failed for {lost} of {len(choice.people)} people (tissue missing or out of order)"


def _regions(lake: Lake, main: ContrastPlan, effect: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    labels = _array(lake, main.clusters.part, "clusters")
    found = {f"cluster {k}": labels == k for k in range(1, int(labels.max()) + 1)}
    return found | {"all tested voxels": np.isfinite(effect)}


def _maps(lake: Lake, task: Task) -> ContrastMaps:
    roles = [role for role in task.parents if role.startswith("row")]
    effect, t = (_array(lake, task.part, name) for name in ("stat_effect", "stat_t"))
    total, count = np.zeros(effect.shape), np.zeros(effect.shape)
    for role in roles:
        values = _array(lake, task.parents[role], "smoothed")
        known = np.isfinite(values)
        total += np.where(known, values, 0)
        count += known
    level = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return ContrastMaps(effect, t, level)


def _array(lake: Lake, part: Part, name: str) -> NDArray[Any]:
    return np.asarray(to_volume(lake.read(part)[name]).data)
