"""Analysis `transcriptome`: regional maps against the expression of genes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.morphometry.analysis import Similarity
from rt1t2_dask.pipelines.transcriptome.compute import ENRICHED, GENES, SUMMARY
from rt1t2_dask.pipelines.transcriptome.plan import plan_transcriptome
from rt1t2_dask.report.morphometry.content import TestedMap
from rt1t2_dask.storage.parts import Lake, Part

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished


@dataclass(frozen=True)
class Transcriptome(Analysis):
    """Tests of every map; one that cannot be tested fails alone.

    Parameters
    ----------
    expression : Task or None
        None where there is nothing to test against.
    maps : mapping of str to Task
        By map.
    notes : tuple of str
        What is not tested, and why.
    """

    expression: Task | None
    maps: Mapping[str, Task]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan the tests of the study's maps and of the user's."""
        similarity = group.of(Similarity)
        if similarity is None:
            return None
        maps = similarity.planned
        return cls(*plan_transcriptome(group.config, maps.maps | maps.means, maps.together))

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [*([self.expression] if self.expression else []), *self.maps.values()]

    def optional(self) -> set[Part]:
        """Return the tests: a map that cannot be tested fails alone."""
        return {task.part for task in self.maps.values()}

    def lost(self, failed: Mapping[Part, str]) -> list[str]:
        """Return notes on maps that were not tested, and why."""
        own = {name: failed[t.part] for name, t in self.maps.items() if t.part in failed}
        return [f"No gene expression of {name}: {why}." for name, why in own.items()]

    def results(self, study: Finished) -> Results:
        """Return what is known of every map that was tested."""
        found = [_tested(study.lake, name, task) for name, task in self.maps.items()]
        return Results(content={"tested": [each for each in found if each is not None]})


def _tested(lake: Lake, name: str, task: Task) -> TestedMap | None:
    if not lake.is_complete(task.part):
        return None
    data = lake.read(task.part).load()
    return TestedMap(
        name,
        json.loads(lake.file(task.part, SUMMARY)),
        tuple(lake.record(task.part)["regions"]),
        data["tested_map"].to_numpy(),
        data["pls_score"].to_numpy(),
        data["pls_null"].to_numpy(),
        table_of(lake, task.part, GENES),
        table_of(lake, task.part, ENRICHED),
    )
