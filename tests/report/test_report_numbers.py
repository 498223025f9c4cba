"""Numbers as text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.report.numbers import coordinates, decimal, percent, probability, thousands


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "< .001"),
        (0.00099999, "< .001"),
        (0.001, ".001"),
        (0.0123, ".012"),
        (0.0496, ".0496"),
        (0.04999, ".04999"),
        (0.05, ".050"),
        (0.0504, ".050"),
        (0.0097, ".0097"),
        (0.743, ".743"),
        (0.9996, "> .999"),
        (1.0, "1.000"),
        (math.nan, "n/a"),
        (None, "n/a"),
    ],
)
def test_probability_as_papers_print_it(value: float | None, shown: str) -> None:
    assert probability(value) == shown


@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        probability(value)


@given(st.floats(0.001, 0.9994))
def test_printed_p_lies_on_the_same_side_of_05_and_is_close(p: float) -> None:
    printed = float(probability(p))
    assert (printed < 0.05) == (p < 0.05)
    assert (printed < 0.01) == (p < 0.01)
    assert abs(printed - p) <= 0.0005 + 1e-12


@given(st.floats(-1e6, 1e6))
def test_decimal_reads_back_and_has_no_negative_zero(value: float) -> None:
    shown = decimal(value)
    assert float(shown.replace("\N{MINUS SIGN}", "-").replace(",", "")) == pytest.approx(
        value, abs=0.00501
    )
    assert shown not in ("-0.00", "\N{MINUS SIGN}0.00")


def test_units_and_separators() -> None:
    assert thousands(17533) == "17,533"
    assert coordinates([-10.0, -20.4, 14.0]) == "\N{MINUS SIGN}10 \N{MINUS SIGN}20 14"
    assert (percent(0), percent(0.125), percent(1), percent(np.nan)) == (
        "0 %",
        "12.5 %",
        "100 %",
        "n/a",
    )
