"""Analysis `sensitivity`: the contrasts again under other calibrations and edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.sensitivity.plan import SensitivityPlan, plan_sensitivity
from rt1t2_dask.pipelines.sensitivity.tables import calibration_rows, edge_rows
from rt1t2_dask.storage.parts import Part

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished


@dataclass(frozen=True)
class Sensitivity(Analysis):
    """What of the contrasts depends on choices; the tables say where one failed."""

    drawn: ClassVar[bool] = False

    choices: SensitivityPlan

    @classmethod
    def plan(cls, group: Group) -> Self:
        """Plan the choices that the report asks for."""
        return cls(plan_sensitivity(group))

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return self.choices.tasks()

    def targets(self) -> list[Part]:
        """Return the clusters under every choice."""
        return [t.part for choice in self.choices.choices for t in choice.clusters.values()]

    def optional(self) -> set[Part]:
        """Return all parts: the tables say where one failed."""
        return {task.part for task in self.tasks()}

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of each choice's parts by stage."""
        kinds = {"calibrations": self.choices.calibrations, "edges": self.choices.edges}
        named = {f"{kind}-{n}": c for kind, own in kinds.items() for n, c in own.items()}
        return {"sensitivity": {name: keys_by_stage(c.tasks()) for name, c in named.items()}}

    def lost(self, failed: Mapping[Part, str]) -> list[str]:
        """Return how many parts failed."""
        own = [task.part for task in self.tasks() if task.part in failed]
        return [f"{len(own)} parts of the sensitivity analyses failed: see the table"] * bool(own)

    def results(self, study: Finished) -> Results:
        """Return a table of calibrations and one of edges, where they were asked for."""
        contrasts = contrasts_of(study.group)
        rows = {
            "calibration_sensitivity": calibration_rows,
            "edge_sensitivity": edge_rows,
        }
        found = {n: f(study.lake, study.config, self.choices, contrasts) for n, f in rows.items()}
        tables = {name: table for name, table in found.items() if table is not None}
        return Results(tables, content=tables)
