"""The contrasts again under another calibration or another edge: all before that is shared."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.config import Config
from rt1t2_dask.pipelines.calibrate import CALIBRATE
from rt1t2_dask.pipelines.clusters import CLUSTERS, TABLE
from rt1t2_dask.pipelines.cohort import CohortPlan
from rt1t2_dask.pipelines.contrast import CONTRAST
from rt1t2_dask.pipelines.contrast_plan import ContrastPlan
from rt1t2_dask.pipelines.map_scale import scale_of_kind
from rt1t2_dask.pipelines.plan import PersonPlan
from rt1t2_dask.pipelines.ratio import RATIO
from rt1t2_dask.pipelines.smooth import SMOOTH
from rt1t2_dask.pipelines.stage import Task
from rt1t2_dask.pipelines.volumes import to_volume
from rt1t2_dask.ratio.calibrate import KINDS, UNITS
from rt1t2_dask.stats.scale import Scale
from rt1t2_dask.stats.sensitivity import ContrastMaps, summarise
from rt1t2_dask.storage.parts import Lake, Part

COLUMNS = (
    *("region", "voxels", "effect", "effect_percent", "t", "same_sign_share"),
    *("clusters", "volume_mm3", "units", "reason"),
)
EDGES = ("normalised", "spm")


@dataclass(frozen=True)
class Choice:
    """One choice: everybody's tasks that it changes, the contrasts and their clusters."""

    people: tuple[Mapping[str, Task], ...]
    contrasts: Mapping[str, Task]
    clusters: Mapping[str, Task]

    def tasks(self) -> list[Task]:
        """Give every task, parents before children."""
        listed = [task for person in self.people for task in person.values()]
        return [*listed, *self.contrasts.values(), *self.clusters.values()]


@dataclass(frozen=True)
class SensitivityPlan:
    """The other calibrations and edges that were asked for, by kind; empty where none was."""

    calibrations: Mapping[str, Choice] = field(default_factory=dict)
    edges: Mapping[str, Choice] = field(default_factory=dict)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Give all of them."""
        return (*self.calibrations.values(), *self.edges.values())

    def tasks(self) -> list[Task]:
        """Give every task, parents before children."""
        return [task for choice in self.choices for task in choice.tasks()]


def plan_sensitivity(
    config: Config, plans: Sequence[PersonPlan], cohort: CohortPlan
) -> SensitivityPlan:
    """Plan what ``report.calibration_sensitivity`` and ``report.edge_sensitivity`` ask for.

    Ready-made maps have no calibration to change, and unsmoothed ones no edge.
    """
    if not plans or not cohort.contrasts:
        return SensitivityPlan()
    asked = config.report.calibration_sensitivity
    kinds = [kind for kind in KINDS if asked is True or kind in (asked or ())]
    calibrations = {
        kind: _choice([_calibrated(kind, plan) for plan in plans], plans, cohort, kind)
        for kind in kinds
        if kind != config.calibration.kind and _all_have("calibrate", plans)
    }
    edges = {
        edge: _choice([_smoothed(edge, plan) for plan in plans], plans, cohort)
        for edge in EDGES
        if config.report.edge_sensitivity and edge != config.smooth.edge and config.smooth.fwhm_mm
    }
    return SensitivityPlan(calibrations, edges)


def _all_have(stage: str, plans: Sequence[PersonPlan]) -> bool:
    return all(stage in plan.tasks for plan in plans)


def _choice(
    people: Sequence[Mapping[str, Task]],
    plans: Sequence[PersonPlan],
    cohort: CohortPlan,
    kind: str | None = None,
) -> Choice:
    """Plan everybody's other maps and the contrasts of them; ``kind``: another calibration."""
    instead = {
        plan.part("smooth"): own["smooth"].part for plan, own in zip(plans, people, strict=True)
    }
    contrasts = {
        name: _again(plan.contrast, instead, kind) for name, plan in cohort.contrasts.items()
    }
    clusters = {
        name: _again(plan.clusters, {plan.contrast.part: contrasts[name].part})
        for name, plan in cohort.contrasts.items()
    }
    return Choice(tuple(people), contrasts, clusters)


def _calibrated(kind: str, plan: PersonPlan) -> dict[str, Task]:
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


def _smoothed(edge: str, plan: PersonPlan) -> dict[str, Task]:
    main = plan.tasks["smooth"]
    return {"smooth": SMOOTH.task({**main.settings, "edge": edge}, main.parents, main.files)}


def _again(task: Task, instead: Mapping[Part, Part], kind: str | None = None) -> Task:
    """Plan a task with other parents, and the scale that another calibration's maps have."""
    stage = {stage.name: stage for stage in (RATIO, SMOOTH, CONTRAST, CLUSTERS)}[task.stage]
    parents = {role: instead.get(part, part) for role, part in task.parents.items()}
    scaled = {} if kind is None else {"scale": scale_of_kind(kind, task.settings["scale"]).value}
    settings = {**task.settings, **scaled}
    return stage.task(settings, parents, task.files, tuple(task.assets) or None)


def calibration_rows(
    lake: Lake, config: Config, plan: SensitivityPlan, cohort: CohortPlan
) -> pd.DataFrame | None:
    """Table the contrasts' effects under every calibration; None where it was not asked for.

    Returns
    -------
    DataFrame
        ``contrast``, ``calibration`` and `COLUMNS`: the main calibration first; within the main
        analysis' clusters and over all tested voxels, where ``clusters`` and ``volume_mm3`` are
        those above the run's thresholds. Where a calibration failed for somebody: one row with
        the reason.
    """
    return _table(lake, cohort, "calibration", config.calibration.kind, plan.calibrations)


def edge_rows(
    lake: Lake, config: Config, plan: SensitivityPlan, cohort: CohortPlan
) -> pd.DataFrame | None:
    """Table the contrasts' effects under both edges of smoothing, as `calibration_rows`."""
    found = _table(lake, cohort, "edge", config.smooth.edge, plan.edges)
    return None if found is None else found.drop(columns=["units", "reason"])


def _table(
    lake: Lake, cohort: CohortPlan, what: str, main: str, choices: Mapping[str, Choice]
) -> pd.DataFrame | None:
    if not choices:
        return None
    rows = [
        {"contrast": name, **row}
        for name, contrast in cohort.contrasts.items()
        for row in _rows_of(lake, what, main, choices, name, contrast)
    ]
    return pd.DataFrame(rows, columns=["contrast", what, *COLUMNS])


def _rows_of(
    lake: Lake, what: str, own: str, choices: Mapping[str, Choice], name: str, main: ContrastPlan
) -> list[dict[str, Any]]:
    regions = _regions(lake, main)
    tasks = {own: (main.contrast, main.clusters)}
    tasks |= {kind: (c.contrasts[name], c.clusters[name]) for kind, c in choices.items()}
    rows: list[dict[str, Any]] = []
    for kind, (task, clusters) in tasks.items():
        said = {what: kind, "units": UNITS.get(kind, "")}
        if clusters.part.key not in lake.complete_keys("clusters"):
            rows.append(said | {"reason": _reason(lake, choices[kind])})
            continue
        found = _summarised(lake, task, main, regions)
        found[-1] |= _counted(lake, clusters)
        rows += [said | row for row in found]
    return rows


def _summarised(
    lake: Lake,
    task: Task,
    main: ContrastPlan,
    regions: Mapping[str, NDArray[np.bool_]],
) -> list[dict[str, Any]]:
    """Summarise a contrast by region; F has no effect, only its own mean."""
    if main.design.q == 1:
        reference = _array(lake, main.contrast.part, "stat_effect")
        scale = Scale(lake.record(task.part)["scale"])
        return summarise(_maps(lake, task), reference, regions, scale)
    values = _array(lake, task.part, "stat_t")
    inside = {name: values[mask & np.isfinite(values)] for name, mask in regions.items()}
    return [
        {"region": name, "voxels": len(own), **({"t": float(own.mean())} if len(own) else {})}
        for name, own in inside.items()
    ]


def _counted(lake: Lake, clusters: Task) -> dict[str, Any]:
    table = pd.read_csv(io.BytesIO(lake.file(clusters.part, TABLE)), sep="\t")
    return {"clusters": len(table), "volume_mm3": float(table["volume_mm3"].sum())}


def _reason(lake: Lake, choice: Choice) -> str:
    whole = lake.complete_keys("calibrate")
    made = [person["calibrate"].part.key for person in choice.people if "calibrate" in person]
    lost = sum(key not in whole for key in made)
    return f"it failed for {lost} of {len(choice.people)} people (tissue missing or out of order)"


def _regions(lake: Lake, main: ContrastPlan) -> dict[str, NDArray[np.bool_]]:
    labels = _array(lake, main.clusters.part, "clusters")
    tested = _array(lake, main.contrast.part, "stat_t")
    found = {f"cluster {k}": labels == k for k in range(1, int(labels.max()) + 1)}
    return found | {"all tested voxels": np.isfinite(tested)}


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
