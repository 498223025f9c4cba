"""A small analysis of a kind of its own: the median ratio of white matter by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import xarray as xr

from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.engine.task import Inputs, Made, Task
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.voxelwise.maps import common_grid
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.table import from_frame

METHODS = (
    "The median ratio of white matter (class of the template above .9) was taken of everybody."
)


class WhiteSettings(StageSettings):
    """What counts as white matter."""

    least: float


def make(inputs: Inputs) -> Made:
    """Take the median of everybody's smoothed map over the template's white matter."""
    least = inputs.settings_as(WhiteSettings).least
    white = (
        to_grid(inputs.volume("template_out", "white"), common_grid(inputs), order=1).data > least
    )
    maps = (to_volume(inputs.lake.read(part)["smoothed"]) for part in inputs.parts("row"))
    return Made(
        xr.Dataset(), {"medians": [float(np.nanmedian(m.data[white > least])) for m in maps]}
    )


WHITE = Stage(
    name="white_median",
    make=make,
    scope="cohort",
    words="median of white matter",
    settings=WhiteSettings,
    reads=(Role("row", ("smooth",), many=True), Role("template_out", ("template",), shared=True)),
    memory=Whole(1.0),
    cpu=Effort((0.5,)),
    writes={},
)


@dataclass(frozen=True)
class WhiteMatter(Analysis):
    """The median ratio of white matter by group."""

    task: Task

    @classmethod
    def plan(cls, group: Group) -> Self:
        """Plan it for everybody at hand."""
        parents = {
            "row": tuple(plan.part("smooth") for plan in group.plans),
            "template_out": group.shared["template_out"],
        }
        return cls(WHITE.task({"least": 0.9}, parents))

    def tasks(self) -> list[Task]:
        """Return the one task."""
        return [self.task]

    def keys(self) -> dict[str, str]:
        """Return its key."""
        return {"white_matter": self.task.part.key}

    def results(self, study) -> Results:
        """Return the table, and a section with it and a sentence for the methods."""
        rows = pd.DataFrame(
            {
                "group": [plan.person.group for plan in study.plans],
                "median": study.lake.record(self.task.part)["medians"],
            }
        )
        table = rows.groupby("group", sort=False, as_index=False).median()
        section = Section(
            "white-matter",
            "White matter",
            tables=(from_frame(table, "Median ratio of white matter"),),
            methods=(METHODS,),
        )
        return Results({"white_matter": table}, sections=(section,), stages=[WHITE.name])
