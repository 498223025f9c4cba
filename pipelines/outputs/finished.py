"""A study whose parts are all there, and what its output folder depends on."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.code import code_version
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import Failure, PersonPlan
from rt1t2_dask.pipelines.people.table import shown
from rt1t2_dask.pipelines.sensitivity.plan import SensitivityPlan
from rt1t2_dask.pipelines.study.cohort import CohortPlan
from rt1t2_dask.storage.keys import checksum, digest
from rt1t2_dask.storage.parts import Lake

WRITER = "rt1t2_dask.pipelines.outputs.write"


@dataclass(frozen=True)
class Finished:
    """A study whose parts are all there."""

    config: Config
    lake: Lake
    people: pd.DataFrame
    plans: tuple[PersonPlan, ...]
    cohort: CohortPlan
    template: Task
    failures: tuple[Failure, ...]
    excluded: tuple[PersonPlan, ...] = ()
    sensitivity: SensitivityPlan = field(default_factory=SensitivityPlan)

    @property
    def everybody(self) -> tuple[PersonPlan, ...]:
        """Return all whose maps are there, those left out of the group results last."""
        return (*self.plans, *self.excluded)

    def key(self) -> str:
        """Return the digest of all that the output folder shows, and of the code that writes it."""
        parts = [t.part.key for t in self.cohort.tasks()]
        parts += [t.part.key for t in self.sensitivity.tasks()]
        parts += [t.part.key for plan in self.everybody for t in plan.tasks.values()]
        labels = [[p.person.label for p in plans] for plans in (self.plans, self.excluded)]
        failed = [[f.label, f.stage, f.reason] for f in self.failures]
        rows = shown(self.people)
        cells = [list(map(str, row)) for row in rows.to_numpy(object).tolist()]
        people = [list(map(str, rows.columns)), cells]
        chosen = [
            [role, file.path, file.chosen]
            for plan in self.everybody
            for task in plan.tasks.values()
            for role, file in task.each_file()
        ]
        science = self.config.science()
        return digest([parts, labels, failed, people, chosen, science, _writing_code()])


def study_key(config: Config) -> str:
    """Return the digest of the settings that decide the numbers."""
    return digest(config.science())


def _writing_code() -> str:
    """Return a digest of the writer, of all that it imports here, and of the templates."""
    templates = files("rt1t2_dask.report") / "templates"
    pages = sorted((t.name, checksum(t.read_bytes())) for t in templates.iterdir() if t.is_file())
    return digest([code_version((WRITER,)), [list(page) for page in pages]])
