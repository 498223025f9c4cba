"""Whose gain is not known is counted with the reason; which scale a calibration's maps have."""

from __future__ import annotations

import pytest

from rt1t2_dask.pipelines.calibration.left_out import (
    ANOTHER_SEQUENCE,
    NO_FLUID,
    exclusion_notes,
    reason_of,
)
from rt1t2_dask.pipelines.calibration.map_scale import scale_of_kind
from rt1t2_dask.pipelines.calibration.plan import PersonGain
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.ratio.calibrate import KINDS
from rt1t2_dask.stats.scale import Scale

NAN = float("nan")


def plan(k: int, group: str, anchor: float = 0.1, corrected=True, flagged=False) -> PersonPlan:
    gain = PersonGain(1.0, anchor, "P1", corrected, flagged)
    return PersonPlan(Person(f"sub-{k}", group), {}, {}, gain)


def test_the_reason_is_the_one_that_counts():
    assert reason_of(PersonPlan(Person("sub-0", "pat"), {})) == ""
    assert reason_of(plan(0, "pat")) == ""
    assert reason_of(plan(0, "pat", NAN)) == NO_FLUID
    assert reason_of(plan(0, "pat", 0.1, flagged=True)) == ANOTHER_SEQUENCE
    assert reason_of(plan(0, "pat", NAN, flagged=True)) == ANOTHER_SEQUENCE
    assert reason_of(plan(0, "pat", NAN, corrected=False, flagged=True)) == ""


def test_only_the_groups_that_take_part_are_counted():
    plans = [plan(0, "pat", NAN), plan(1, "pat", NAN), plan(2, "hc", flagged=True), plan(3, "hc")]
    (both,) = exclusion_notes("Contrast a", plans, ["pat", "hc"])
    assert both.startswith("Contrast a ")
    assert "3 people" in both
    assert f"{NO_FLUID}: 2" in both
    assert f"{ANOTHER_SEQUENCE}: 1" in both
    (one,) = exclusion_notes("Contrast b", plans, ["hc"])
    assert "1 person" in one
    assert NO_FLUID not in one
    assert "sub-" not in both + one
    assert exclusion_notes("Contrast c", plans, ["more"]) == []
    assert exclusion_notes("Contrast d", plans[3:], ["hc"]) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("among", list(Scale))
def test_only_the_standardised_ratio_has_no_percent(kind, among):
    """Whatever the study's own scale, another calibration keeps logs but never takes its sign."""
    found = Scale(scale_of_kind(kind, among))
    assert found.has_percent == (kind != "gm_median")
    assert (found is Scale.LOG) == (among is Scale.LOG and kind != "gm_median")
