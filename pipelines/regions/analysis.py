"""Analysis `regions`: everybody's means over the regions of the atlas, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pandas as pd

from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished


@dataclass(frozen=True)
class Regions(Analysis):
    """The table of regional means; its parts are people's own."""

    @classmethod
    def plan(cls, group: Group) -> Self:
        """Return it: every study of maps has it."""
        return cls()

    def results(self, study: Finished) -> Results:
        """Return the table."""
        rows = parcel_table(study.lake, study.plans)
        return Results({PARCELS.name: rows}, content={PARCELS.name: rows})


def parcel_table(lake: Lake, plans: Sequence[PersonPlan]) -> pd.DataFrame:
    """Return the mean smoothed ratio of everybody over every region."""
    rows = [lake.read(plan.part(PARCELS.name)).load() for plan in plans]
    regions = [str(label) for label in rows[0]["region"].to_numpy()] if rows else []
    factors = [factor_of(plan) for plan in plans]
    scaled = [row[PARCELS.name].to_numpy() * f for row, f in zip(rows, factors, strict=True)]
    values = pd.DataFrame(scaled, columns=regions)
    values.insert(0, "participant_id", [plan.person.label for plan in plans])
    return values
