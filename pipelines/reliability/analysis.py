"""Analysis `reliability`: how well the sessions of the same people agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, GroupMap, Results
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.reliability.compute import TABLE
from rt1t2_dask.pipelines.reliability.plan import plan_reliability
from rt1t2_dask.pipelines.reliability.stages import RELIABILITY
from rt1t2_dask.report.sections.reliability import reliability_section
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

SHOWN = {"reliability_icc": "icc", "reliability_within_sd": "withinsd"}
"""Maps of the output folder: statistic, by array."""


@dataclass(frozen=True)
class Reliability(Analysis):
    """Agreement of sessions within each group.

    Parameters
    ----------
    groups : mapping of str to Task
        By group.
    notes : tuple of str
        Who is left out, and why.
    """

    groups: Mapping[str, Task]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan it; None where people have one session each."""
        if not group.config.source.sessions:
            return None
        groups, notes = plan_reliability(group)
        return cls(groups, tuple(notes))

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe which sessions are compared, and where."""
        sessions = config.source.sessions
        where = "regions and voxels" if config.reliability.maps else "regions"
        named = ", ".join(sessions)
        said = f"reliability of sessions {named}: ICC(3,1), within-person SD, repeatability; "
        return said + where if sessions else ""

    def tasks(self) -> list[Task]:
        """Return the task of every group."""
        return list(self.groups.values())

    def keys(self) -> Mapping[str, Any]:
        """Return the key of each group's part."""
        return {"reliability": {name: keys_by_stage([t]) for name, t in self.groups.items()}}

    def results(self, study: Finished) -> Results:
        """Return the table of all groups, maps of each, and the section."""
        if not self.groups:
            return Results()
        tables = {name: table_of(study.lake, t.part, TABLE) for name, t in self.groups.items()}
        section = reliability_section(tables, study.config.source.sessions)
        stacked = pd.concat({name: rows for name, rows in tables.items()}, names=["group"])
        return Results(
            {"reliability": stacked.reset_index("group").reset_index(drop=True)},
            maps=self._maps(study.lake),
            sections=(section,),
            stages=[RELIABILITY.name],
        )

    def _maps(self, lake: Lake) -> Iterator[GroupMap]:
        for name, task in self.groups.items():
            found = lake.read(task.part)
            own = re.sub(r"[^A-Za-z0-9]", "", name)
            for array, stat in SHOWN.items():
                if array in found:
                    yield GroupMap(f"sessions{own}", stat, to_volume(found[array]))
