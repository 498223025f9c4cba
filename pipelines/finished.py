"""A study whose parts are all there, and what its output folder depends on."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files

import pandas as pd

from rt1t2_dask.config import Config
from rt1t2_dask.pipelines.code import code_version
from rt1t2_dask.pipelines.cohort import CohortPlan
from rt1t2_dask.pipelines.plan import Failure, PersonPlan
from rt1t2_dask.pipelines.sensitivity_plan import SensitivityPlan
from rt1t2_dask.pipelines.stage import Task
from rt1t2_dask.storage.keys import checksum, digest
from rt1t2_dask.storage.parts import Lake

SCIENCE = (
    "rt1t2_dask.report.calibration_section",
    "rt1t2_dask.report.figures",
    "rt1t2_dask.report.page",
    "rt1t2_dask.report.site_section",
    "rt1t2_dask.stats.demographics",
)
WRITERS = (
    "calibration_results",
    "calibration_section",
    "dataset",
    "group_design",
    "inputs_table",
    "outputs",
    "page",
    "people_read",
    "people_section",
    "pictures",
    "quality_table",
    "results",
    "sensitivity",
    "sensitivity_plan",
    "sidecar",
    "site_section",
    "write",
)


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
        """Give all whose maps are there, those left out of the group results last."""
        return (*self.plans, *self.excluded)

    def key(self) -> str:
        """Give the digest of all that the output folder depends on."""
        parts = [t.part.key for t in self.cohort.tasks()]
        parts += [t.part.key for t in self.sensitivity.tasks()]
        parts += [t.part.key for plan in self.everybody for t in plan.tasks.values()]
        labels = [[p.person.label for p in plans] for plans in (self.plans, self.excluded)]
        failed = [[f.label, f.stage, f.reason] for f in self.failures]
        science = self.config.science()
        return digest([parts, labels, failed, science, _writing_code()])


def study_key(config: Config) -> str:
    """Give the digest of the settings that decide the numbers."""
    return digest(config.science())


def _writing_code() -> str:
    """Give a digest of the code and templates behind the output folder's files."""
    here = files("rt1t2_dask.pipelines")
    texts = [checksum((here / f"{name}.py").read_bytes()) for name in WRITERS]
    templates = files("rt1t2_dask.report") / "templates"
    pages = sorted((t.name, checksum(t.read_bytes())) for t in templates.iterdir() if t.is_file())
    return digest([code_version(SCIENCE), texts, [list(page) for page in pages]])
