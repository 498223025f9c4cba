"""Age and sex as in van Grinsven et al. 2025, and the FDR of its Table 3."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rt1t2_dask.stats import demographics
from rt1t2_dask.stats.multiplicity import benjamini_hochberg


def test_papers_sex_table():
    """Three groups, male and female: 4/7, 8/7, 9/9; the paper prints p = .743."""
    assert demographics.fisher_exact([[4, 7], [8, 7], [9, 9]]) == pytest.approx(0.743, abs=5e-4)


def test_papers_ages():
    """64.3 +- 12.5 (11), 57.9 +- 9.7 (15) against 60.5 +- 13.0 (18), from rounded figures."""
    controls = (60.5, 13.0, 18)
    psp = demographics.t_test_from_summary((64.3, 12.5, 11), controls)
    psps2 = demographics.t_test_from_summary((57.9, 9.7, 15), controls)
    assert psp == pytest.approx(0.445, abs=5e-4)
    assert psps2 == pytest.approx(0.527, abs=5e-4)


@given(st.lists(st.integers(0, 12), min_size=4, max_size=4))
def test_fisher_against_scipy_on_two_groups(counts):
    table = np.array(counts).reshape(2, 2)
    ours = demographics.fisher_exact(table)
    if (table.sum(axis=0) == 0).any() or (table.sum(axis=1) == 0).any():
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)


def test_fisher_of_four_groups_by_shuffling():
    """The same p from random assignments of the sexes, within 4 standard errors."""
    table = np.array([[6, 2], [3, 7], [5, 5], [8, 1]])
    rng = np.random.default_rng(1)
    sizes, men = table.sum(axis=1), table[:, 0].sum()
    people = np.repeat(np.arange(4), sizes)
    draws = np.array(
        [np.bincount(rng.choice(people, men, replace=False), minlength=4) for _ in range(20000)]
    )
    distribution = stats.multivariate_hypergeom(sizes, men)
    p = np.mean(distribution.logpmf(draws) <= distribution.logpmf(table[:, 0]) + 1e-9)
    ours = demographics.fisher_exact(table)
    assert abs(p - ours) < 4 * np.sqrt(ours * (1 - ours) / 20000)


def people():
    rng = np.random.default_rng(0)
    groups = ["psp"] * 11 + ["hc"] * 18
    ages = np.concatenate([rng.normal(64, 12, 11), rng.normal(60, 13, 18)]).round(1)
    sexes = ["m"] * 4 + ["F"] * 7 + ["Male"] * 9 + ["female"] * 9
    return pd.DataFrame({"group": groups, "age": ages, "sex": sexes})


def test_rows_and_normal_ages():
    table = people()
    rows = demographics.compare(table, ["psp", "hc"], "hc")
    assert rows.columns.tolist() == list(demographics.COLUMNS)
    assert rows["n_male"].tolist() == [4, 9]
    assert rows["n_female"].tolist() == [7, 9]
    first, second = (table.loc[table["group"] == g, "age"] for g in ("psp", "hc"))
    assert rows["age_test"][0] == "Student t"
    assert rows["age_p"][0] == pytest.approx(stats.ttest_ind(first, second).pvalue)
    assert rows["age_mean"].tolist() == pytest.approx([first.mean(), second.mean()])
    assert rows["age_sd"].tolist() == pytest.approx([first.std(), second.std()])
    assert np.isnan(rows["age_p"][1])


def test_skewed_ages_use_ranks():
    table = people()
    table.loc[0, "age"] = 900.0
    rows = demographics.compare(table, ["psp", "hc"], "hc")
    first, second = (table.loc[table["group"] == g, "age"] for g in ("psp", "hc"))
    assert rows["age_test"][0] == "Mann-Whitney U"
    assert rows["age_p"][0] == pytest.approx(stats.mannwhitneyu(first, second).pvalue)


def test_missing_ages_and_absent_columns():
    table = people()
    table.loc[[0, 20], "age"] = np.nan
    rows = demographics.compare(table, ["psp", "hc"], "hc")
    complete = table.dropna(subset=["age"])
    first, second = (complete.loc[complete["group"] == g, "age"] for g in ("psp", "hc"))
    assert rows["age_p"][0] == pytest.approx(stats.ttest_ind(first, second).pvalue)
    assert rows["n"].tolist() == [11, 18]
    bare = demographics.compare(table[["group"]], ["psp", "hc"], None)
    assert bare[["age_mean", "age_p", "sex_p"]].isna().all(axis=None)


def test_sex_as_numbers():
    table = people().assign(sex=[1.0] * 10 + [0.0] * 18 + [np.nan])
    assert demographics.count_sexes(table, "sex") == (10, 18)


def test_papers_q_values():
    """34 tests, p = k/10001: Table 3 prints .0017 .002266 .00255 .00272 .002833."""
    p = np.concatenate([np.array([1, 1, 2, 3, 4, 5]) / 10001, np.linspace(0.2, 1, 28)])
    q = benjamini_hochberg(p)[:6]
    expected = [0.0017, 0.0017, 0.002266, 0.00255, 0.00272, 0.002833]
    np.testing.assert_allclose(q, expected, atol=5.1e-7)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_benjamini_hochberg_against_statsmodels(p):
    np.testing.assert_allclose(
        benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1], rtol=1e-12
    )


def test_missing_tests_do_not_count():
    q = benjamini_hochberg([0.01, np.nan, 0.04])
    np.testing.assert_allclose(q, [0.02, np.nan, 0.04])
