"""Analysis `regions`: everybody's means over the regions of the atlas, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pandas as pd
import xarray as xr

from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS
from rt1t2_dask.region_columns import region_columns
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
    named = region_columns()
    regions = [named[int(label)] for label in rows[0]["region"].to_numpy()] if rows else []
    return means_table(rows, plans, regions)


def means_table(
    parts: Sequence[xr.Dataset], plans: Sequence[PersonPlan], columns: Sequence[str]
) -> pd.DataFrame:
    """Return everybody's regional means times their gain, a row a person.

    Parameters
    ----------
    parts : sequence of Dataset
        Everybody's, with ``parcels`` by region.
    plans : sequence of PersonPlan
        Theirs, in the same order.
    columns : sequence of str
        What the regions are called.
    """
    factors = [factor_of(plan) for plan in plans]
    scaled = [part[PARCELS.name].to_numpy() * f for part, f in zip(parts, factors, strict=True)]
    values = pd.DataFrame(scaled, columns=list(columns))
    values.insert(0, "participant_id", [plan.person.label for plan in plans])
    return values
