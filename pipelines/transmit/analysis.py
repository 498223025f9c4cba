"""Analysis `transmit`: everybody's maps corrected for the transmit field, before all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import (
    NORMALISE,
    PARCELS,
    RATIO,
    SMOOTH,
    SMOOTH_SHARES,
    TEMPLATE_OUT,
)
from rt1t2_dask.pipelines.registry import again
from rt1t2_dask.pipelines.surface.person_stages import SURFACE, SURFACE_SMOOTH
from rt1t2_dask.pipelines.transmit.field import FILE
from rt1t2_dask.pipelines.transmit.stages import CORRECTED, SLOPE, TRANSMIT
from rt1t2_dask.report.sections.transmit import Slope, transmit_section
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

FOLLOWING = (SMOOTH, SMOOTH_SHARES, PARCELS, SURFACE, SURFACE_SMOOTH)
"""What is made of a person's ratio, parents before children."""


@dataclass(frozen=True)
class Transmit(Analysis):
    """The corrected maps, which all after it read.

    Parameters
    ----------
    plans : tuple of PersonPlan
        With corrected ratio, smoothed map and regions.
    fields : tuple of Task
        Transmit maps, in the order of the plans.
    slope : Task or None
        None where it was given.
    corrected : tuple of Task
        Corrected ratios and what follows from them, parents before children.
    given : float or None
    """

    plans: tuple[PersonPlan, ...]
    fields: tuple[Task, ...]
    slope: Task | None
    corrected: tuple[Task, ...]
    given: float | None

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan it; None with transmit.slope=none, or where nobody's images are at hand."""
        asked = group.config.transmit.slope
        if asked == "none" or not group.plans:
            return None
        template = {TEMPLATE_OUT.name: group.shared[TEMPLATE_OUT.name]}
        fields = tuple(
            TRANSMIT.task(
                {},
                {"ratio": own.part(RATIO), "normalise": own.part(NORMALISE), **template},
                {FILE: own.scans[FILE]},
            )
            for own in group.plans
        )
        given = None if asked == "fitted" else float(asked)
        slope = SLOPE.task({}, {"transmit": tuple(task.part for task in fields)})
        fitted = None if given is not None else slope
        made = [_corrected(p, f, fitted, given) for p, f in zip(group.plans, fields, strict=True)]
        tasks = tuple(task for _, own in made for task in own)
        return cls(tuple(plan for plan, _ in made), fields, fitted, tasks, given)

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe where the slope comes from."""
        slope = config.transmit.slope
        how = "fitted by left-right symmetry" if slope == "fitted" else f"of {slope}"
        return "" if slope == "none" else f"each person: corrected for B1+ with a slope {how}"

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [*self.fields, *([self.slope] if self.slope else []), *self.corrected]

    def people(self, group: Group) -> tuple[PersonPlan, ...]:
        """Return people with their corrected maps."""
        return self.plans

    def keys(self) -> Mapping[str, Any]:
        """Return the key of the slope, where it was fitted."""
        return {} if self.slope is None else {"transmit_slope": self.slope.part.key}

    def results(self, study: Finished) -> Results:
        """Return everybody's field, the slope, and the section."""
        rows = pd.DataFrame([
            {"participant_id": plan.person.label, **_about(study.lake, task)}
            for plan, task in zip(self.plans, self.fields, strict=True)
        ])  # fmt: skip
        found = None if self.slope is None else study.lake.record(self.slope.part)
        shown = Slope(self.given, None, None, None) if found is None else _fitted(found)
        return Results(
            {"transmit": rows},
            {"transmit": shown._asdict()},
            sections=(transmit_section(rows, shown),),
            stages=[task.stage for task in self.tasks()],
        )


def _corrected(
    plan: PersonPlan, field: Task, slope: Task | None, given: float | None
) -> tuple[PersonPlan, list[Task]]:
    """Plan a person's corrected ratio, and all that is made of it."""
    parents = {"ratio": plan.part(RATIO), "transmit": field.part}
    parents |= {"slope": slope.part} if slope else {}
    ratio = CORRECTED.task({"slope": given}, parents)
    instead = {plan.part(RATIO): ratio.part}
    tasks = dict(plan.tasks) | {RATIO.name: ratio}
    for stage in FOLLOWING:
        if stage.name in tasks:
            tasks[stage.name] = again(tasks[stage.name], instead)
            instead[plan.part(stage)] = tasks[stage.name].part
    made = [tasks[s.name] for s in (RATIO, *FOLLOWING) if s.name in tasks]
    return replace(plan, tasks=tasks), made


def _about(lake: Lake, task: Task) -> dict[str, float]:
    record = lake.record(task.part)
    return {"transmit_median": record["median"], "brain_seen": record["seen"]}


def _fitted(record: Mapping[str, Any]) -> Slope:
    return Slope(record["slope"], record["se"], record["before"], record["after"])
