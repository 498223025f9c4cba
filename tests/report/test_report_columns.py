"""Headings and numbers of columns that no list names."""

from __future__ import annotations

import pandas as pd
import pytest

from rt1t2_dask.report.sections.table import from_frame


@pytest.mark.parametrize("name", ["t_p_minus_q", "estimate_q_minus_hc", "mean_p"])
def test_what_is_of_a_group_called_p_is_no_probability(name):
    table = from_frame(pd.DataFrame({"name": ["a", "b"], name: [-4.34154, 0.4321]}), "")
    assert [row[1] for row in table.rows] == ["\N{MINUS SIGN}4.342", "0.4321"]


@pytest.mark.parametrize("name", ["p_last_minus_first", "p_spin", "change_p", "q_new"])
def test_probabilities_are_shown_as_such(name):
    table = from_frame(pd.DataFrame({"name": ["a", "b"], name: [0.0004, 0.4321]}), "")
    assert [row[1] for row in table.rows] == ["< .001", ".432"]
