"""The contrasts again under another calibration or another edge, as tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from rt1t2_dask.config.steps import of_person
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.analysis import Group
from rt1t2_dask.pipelines.calibration.analysis import Gain
from rt1t2_dask.pipelines.calibration.group_scale import study_scale
from rt1t2_dask.pipelines.calibration.plan import EB_GAIN, with_gains
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan, contrast_tasks
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import CALIBRATE, RATIO, SMOOTH
from rt1t2_dask.pipelines.registry import again
from rt1t2_dask.ratio.calibrate import KINDS
from rt1t2_dask.storage.parts import Part

EDGES = ("normalised", "spm")


@dataclass(frozen=True)
class Choice:
    """One choice: everybody's tasks that it changes, the contrasts and their clusters."""

    people: tuple[Mapping[str, Task], ...]
    contrasts: Mapping[str, Task]
    clusters: Mapping[str, Task]
    pieces: tuple[Task, ...]

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        listed = [task for person in self.people for task in person.values()]
        return [*listed, *self.pieces, *self.contrasts.values(), *self.clusters.values()]


@dataclass(frozen=True)
class SensitivityPlan:
    """The other calibrations and edges that were asked for, by kind; empty where none was."""

    calibrations: Mapping[str, Choice] = field(default_factory=dict)
    edges: Mapping[str, Choice] = field(default_factory=dict)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Return all of them."""
        return (*self.calibrations.values(), *self.edges.values())

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [task for choice in self.choices for task in choice.tasks()]


def plan_sensitivity(group: Group) -> SensitivityPlan:
    """Plan what ``report.calibration_sensitivity`` and ``report.edge_sensitivity`` ask for.

    Ready-made maps have no calibration to change, and unsmoothed ones no edge.

    Parameters
    ----------
    group : Group
        With the contrasts, and with the gains of the study's own calibration.
    """
    config, plans, contrasts = group.config, group.plans, contrasts_of(group)
    if not plans or not contrasts:
        return SensitivityPlan()
    asked = config.report.calibration_sensitivity
    kinds = [kind for kind in KINDS if asked is True or kind in (asked or ())]
    calibrations = {
        kind: _recalibrated(_as_if(config, kind), group, _as_calibrated(kind, group))
        for kind in kinds
        if kind != config.calibration.kind and _all_have(CALIBRATE, plans)
    }
    edges = {
        edge: _choice([_smoothed(edge, plan) for plan in plans], plans, contrasts)
        for edge in EDGES
        if config.report.edge_sensitivity and edge != config.smooth.edge and config.smooth.fwhm_mm
    }
    return SensitivityPlan(calibrations, edges)


def _all_have(stage: Stage, plans: Sequence[PersonPlan]) -> bool:
    return all(stage.name in plan.tasks for plan in plans)


def _choice(
    people: Sequence[Mapping[str, Task]],
    plans: Sequence[PersonPlan],
    main: Mapping[str, ContrastPlan],
) -> Choice:
    """Plan everybody's other maps and the contrasts of them."""
    instead = {
        plan.part(SMOOTH): own[SMOOTH.name].part for plan, own in zip(plans, people, strict=True)
    }
    fitted = {n: _all_again([*p.pieces, p.contrast], instead) for n, p in main.items()}
    contrasts = {name: tasks[-1] for name, tasks in fitted.items()}
    clusters = {
        name: again(plan.clusters, {plan.contrast.part: contrasts[name].part})
        for name, plan in main.items()
    }
    pieces = tuple(task for tasks in fitted.values() for task in tasks[:-1])
    return Choice(tuple(people), contrasts, clusters, pieces)


def _as_calibrated(kind: str, group: Group) -> list[PersonPlan]:
    """Return everybody as another calibration would have them."""
    others = [
        replace(plan, tasks={**plan.tasks, **_calibrated(of_person(kind), plan)}, gain=None)
        for plan in group.plans
    ]
    gain = group.of(Gain)
    return with_gains(group.lake, gain.task, others) if gain and kind == EB_GAIN else others


def _recalibrated(config: Config, group: Group, plans: Sequence[PersonPlan]) -> Choice:
    """Plan the contrasts of other maps; one that the people or protocols forbid is left out.

    The study's own contrast stands, so that what fails here is no fault of its settings.
    """
    fitted, main = {}, contrasts_of(group)
    for name, own in main.items():
        with suppress(UserError):
            scale = study_scale(plans)
            planned = contrast_tasks(config, group.rows, plans, group.shared, own.form, scale)
            fitted[name] = planned[1]
    contrasts = {name: own.contrast for name, own in fitted.items()}
    clusters = {
        name: again(main[name].clusters, {main[name].contrast.part: task.part})
        for name, task in contrasts.items()
    }
    pieces = tuple(task for own in fitted.values() for task in own.pieces)
    return Choice(tuple(plan.tasks for plan in plans), contrasts, clusters, pieces)


def _as_if(config: Config, kind: str) -> Config:
    """Return the study's configuration with another calibration."""
    other = config.calibration.model_copy(update={"kind": kind})
    return config.model_copy(update={"calibration": other})


def _calibrated(kind: str, plan: PersonPlan) -> dict[str, Task]:
    first, ratio, smooth = (plan.tasks[stage.name] for stage in (CALIBRATE, RATIO, SMOOTH))
    calibrate = CALIBRATE.task({"kind": kind}, first.parents)
    divided = again(ratio, {first.part: calibrate.part})
    smoothed = again(smooth, {ratio.part: divided.part})
    return {task.stage: task for task in (calibrate, divided, smoothed)}


def _smoothed(edge: str, plan: PersonPlan) -> dict[str, Task]:
    main = plan.tasks[SMOOTH.name]
    settings = main.settings.model_copy(update={"edge": edge})
    return {SMOOTH.name: SMOOTH.task(settings, main.parents, main.files)}


def _all_again(tasks: Sequence[Task], instead: Mapping[Part, Part]) -> list[Task]:
    """Plan tasks, of which some read others, with other parents."""
    known, found = dict(instead), []
    for task in tasks:
        found.append(again(task, known))
        known[task.part] = found[-1].part
    return found
