"""Analysis `gain`: protocols and everybody's gain, which all other analyses read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.calibration.plan import EB_GAIN, gain_task, with_gains
from rt1t2_dask.pipelines.calibration.results import calibration_people, calibration_table
from rt1t2_dask.pipelines.calibration.section import calibration_sections
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished


@dataclass(frozen=True)
class Gain(Analysis):
    """The gain of everybody's ratio, estimated whatever the calibration, applied where asked for.

    Parameters
    ----------
    task : Task
    """

    made_first: ClassVar[bool] = True

    task: Task

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan it; None where maps came ready-made, or scans are yet to be simulated."""
        if group.predicted:
            return None
        task = gain_task(group.config, group.rows, group.plans)
        return None if task is None else cls(task)

    def tasks(self) -> list[Task]:
        """Return the one task."""
        return [self.task]

    def people(self, group: Group) -> tuple[PersonPlan, ...]:
        """Return people with their gains, where the calibration takes them out and knows them."""
        if group.config.calibration.kind != EB_GAIN:
            return group.plans
        return tuple(with_gains(group.lake, self.task, group.plans))

    def results(self, study: Finished) -> Results:
        """Return protocols, people's anchors and the section on calibration."""
        people = calibration_people(study.lake, self.task, study.plans)
        protocols = calibration_table(study.lake, self.task, people)
        tables = {"calibration": protocols, "calibration_people": people}
        return Results(tables, sections=calibration_sections(study, protocols, people))
