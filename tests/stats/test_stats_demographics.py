"""Age and sex as in van Grinsven et al. 2025, and the FDR of its Table 3."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rt1t2_dask.stats import demographics, fisher
from rt1t2_dask.stats.multiplicity import benjamini_hochberg


def test_papers_sex_table():
    """Three groups, male and female: 4/7, 8/7, 9/9; the paper prints p = .743."""
    assert fisher.fisher_exact([[4, 7], [8, 7], [9, 9]]) == pytest.approx(0.743, abs=5e-4)


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
    ours = fisher.fisher_exact(table)
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
    ours = fisher.fisher_exact(table)
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


def test_sex_as_numbers_is_not_known():
    table = people().assign(sex=[1.0] * 10 + [0.0] * 18 + [np.nan])
    assert np.isnan(demographics.count_sexes(table, "sex")).all()
    assert np.isnan(demographics.count_sexes(table, "gender")).all()
    assert demographics.count_sexes(table.assign(sex="O"), "sex") == (0, 0)


def test_a_group_of_unknown_sex_has_no_counts_and_the_others_theirs():
    table = people()
    known = demographics.compare(table, ["psp", "hc"], "hc")
    table.loc[table["group"] == "psp", "sex"] = np.nan
    rows = demographics.compare(table, ["psp", "hc"], "hc").set_index("group")
    assert rows.loc["psp", ["n_male", "n_female", "sex_p"]].isna().all()
    assert rows.loc["hc", "n_male"] == known.set_index("group").loc["hc", "n_male"]


@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=4),
    st.lists(st.integers(0, 6), min_size=2, max_size=4),
)
def test_tables_are_counted_as_they_are_listed(men, women):
    table = np.array(list(zip(men, women, strict=False)))
    table = table[table.sum(axis=1) > 0]
    first = int(table[:, 0].sum()) if len(table) else 0
    if len(table) < 2 or first in (0, table.sum()):
        return
    sizes = table.sum(axis=1)
    ranges = [range(n + 1) for n in sizes]
    listed = sum(sum(columns) == first for columns in itertools.product(*ranges))
    assert fisher.count_tables(sizes, first) == listed
    assert len(fisher._every_log_ways(sizes, first)) == listed


def test_drawn_tables_agree_with_all_tables():
    table = np.array([[6, 2], [3, 7], [5, 5], [8, 1]])
    exact, none = fisher.fisher_test(table)
    drawn, error = fisher.fisher_test(table, most_tables=10)
    assert none == 0
    assert error == pytest.approx(np.sqrt(exact * (1 - exact) / fisher.DRAWS), rel=0.02)
    assert abs(drawn - exact) < 4 * error


def test_beyond_a_million_tables_the_error_is_told():
    """Eight groups of 40: some 10^10 tables; the p of chi square is near at these counts."""
    rng = np.random.default_rng(3)
    men = rng.binomial(40, 0.5, 8)
    table = np.column_stack([men, 40 - men])
    assert fisher.count_tables(table.sum(axis=1), int(men.sum())) > 1e9
    p, error = fisher.fisher_test(table)
    assert 0 < error < 0.0012
    assert p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, abs=0.03)
    rows = pd.DataFrame(
        {"group": np.repeat([f"g{k}" for k in range(8)], 40),
         "sex": np.concatenate([["M"] * m + ["F"] * (40 - m) for m in men])}
    )  # fmt: skip
    found = demographics.compare(rows, [f"g{k}" for k in range(8)], "g0")
    assert found["sex_test"].unique().tolist() == ["Fisher, 200,000 tables drawn"]
    assert found["sex_p_error"].unique().tolist() == [error]


def test_every_pair_that_is_compared_and_the_ages_at_onset():
    """The paper compares its patients: 64.3 +- 12.5 (11), 57.9 +- 9.7 (15), p = .14 printed."""
    rng = np.random.default_rng(4)

    def of(mean, deviation, n):
        values = stats.norm.ppf((np.arange(n) + 0.5) / n) + 0 * rng.normal(size=n)
        return mean + deviation * (values - values.mean()) / values.std(ddof=1)

    sizes = {"psp": 11, "psps2": 15, "hc": 18}
    ages = np.concatenate([of(64.3, 12.5, 11), of(57.9, 9.7, 15), of(60.5, 13.0, 18)])
    onset = np.concatenate([ages[:11] - 3, ages[11:26] - 9, np.full(18, np.nan)])
    table = pd.DataFrame(
        {"group": np.repeat(list(sizes), list(sizes.values())), "age": ages, "age_at_onset": onset}
    )
    pairs = [("psp", "hc"), ("psps2", "hc"), ("psp", "psps2"), ("psp", "hc")]
    found = demographics.compare_pairs(table, pairs)
    assert found["variable"].tolist() == ["age"] * 3 + ["age_at_onset"]
    assert found["p"][:2].tolist() == pytest.approx([0.445, 0.527], abs=5e-4)
    assert found["p"][2] == pytest.approx(0.154, abs=5e-4)
    assert found["p"][2] == pytest.approx(0.14, abs=0.02)
    first, second = onset[:11], onset[11:26]
    assert found["p"][3] == pytest.approx(stats.ttest_ind(first, second).pvalue)
    assert found[["n_first", "n_second"]].to_numpy().tolist()[3] == [11, 15]
    sums = {
        g: [{"age_n": len(own), "age_sum": own.sum(), "age_squares": (own**2).sum()}]
        for g, own in table.groupby("group")["age"]
    }
    joint = demographics.joint_pairs(sums, pairs)
    np.testing.assert_allclose(joint["p"], found["p"][:3])


def test_papers_q_values():
    """34 tests, p = k/10001: Table 3 prints .0017 .002266 .00255 .00272 .002833."""
    p = np.concatenate([np.array([1, 1, 2, 3, 4, 5]) / 10001, np.linspace(0.2, 1, 28)])
    q = benjamini_hochberg(p)[:6]
    expected = [0.0017, 0.0017, 0.002266, 0.00255, 0.00272, 0.002833]
    np.testing.assert_allclose(q, expected, atol=5.1e-7)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_benjamini_hochberg_against_statsmodels(p):
    np.testing.assert_allclose(
        benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1], rtol=1e-12, atol=1e-300
    )  # smaller numbers have few bits


def test_missing_tests_do_not_count():
    q = benjamini_hochberg([0.01, np.nan, 0.04])
    np.testing.assert_allclose(q, [0.02, np.nan, 0.04])


def test_unknown_ages_are_counted():
    table = pd.DataFrame({"group": ["a"] * 4 + ["b"] * 3, "age": [50, np.nan, 60, 70, 40, 45, 50]})
    rows = demographics.compare(table, ["a", "b"], "b")
    assert rows["n"].tolist() == [4, 3]
    assert rows["n_age"].tolist() == [3, 3]
