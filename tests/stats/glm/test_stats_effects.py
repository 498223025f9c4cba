"""Effect sizes, their exact intervals and the minimum detectable effect."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from statsmodels.stats.power import FTestAnovaPower, TTestIndPower

from rt1t2_dask.stats import design, designs, scores
from rt1t2_dask.stats.formula import from_formula
from rt1t2_dask.stats.glm import effect_sizes, noncentral, power
from rt1t2_dask.stats.glm import fit as glm

GROUPS = ["a"] * 11 + ["b"] * 18


@settings(max_examples=30, deadline=None)
@given(st.floats(-12, 12), st.integers(4, 200))
def test_interval_inverts_the_noncentral_t(t, dof):
    low, high = effect_sizes.noncentral_interval(t, dof)
    assert stats.nct.sf(t, dof, low) == pytest.approx(0.025, abs=1e-5)
    assert stats.nct.cdf(t, dof, high) == pytest.approx(0.025, abs=1e-5)


def test_interval_of_a_published_example():
    """Two groups of 10, d = 1: t = 2.236, the interval 0.05 to 1.92 (R, MBESS ci.smd)."""
    t, scale = np.sqrt(5.0), np.sqrt(2 / 10)
    low, high = effect_sizes.noncentral_interval(t, 18, scale)
    by_root = [
        optimize.brentq(lambda nc, p=p: stats.nct.cdf(t, 18, nc) - p, -5, 10) * scale
        for p in (0.975, 0.025)
    ]
    np.testing.assert_allclose([low, high], by_root, rtol=1e-5)
    np.testing.assert_allclose([low, high], [0.05, 1.92], atol=0.02)


def test_interval_covers_the_truth():
    rng = np.random.default_rng(1)
    data = rng.normal(size=(29, 4000))
    data[:11] += 0.8
    table = effect_sizes.regional(data, design.two_sample(GROUPS, "a", "b"), np.ones(4000))
    covered = np.mean((table["ci_low"] <= 0.8) & (table["ci_high"] >= 0.8))
    assert covered == pytest.approx(0.95, abs=0.012)
    assert table["g"].mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("people", [(9, 20), (20, 9)])
@pytest.mark.parametrize("effect", [0.0, 0.8])
def test_interval_covers_the_truth_where_variances_differ(people, effect):
    """Welch's, and ReML's given the ratio; the spread of the first group is four times as wide."""
    rng, (first, second) = np.random.default_rng(3), people
    model = design.two_sample(["a"] * first + ["b"] * second, "a", "b")
    pooled = np.sqrt((16 * (first - 1) + second - 1) / (first + second - 2))
    data = rng.normal(size=(first + second, 8000))
    data[:first] = 4 * data[:first] + effect * pooled
    for variance, truth in (("welch", effect), ("spm_unequal", effect * pooled)):
        ratio = {"a": 16.0, "b": 1.0}
        found = glm.fit(data, model, variance, group_variance=ratio)
        low, high = effect_sizes.noncentral_interval(found.t, found.dof, found.se / found.sd)
        covered = np.mean((low <= truth) & (high >= truth))
        assert covered == pytest.approx(0.95, abs=0.012)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 40), st.integers(1, 5), st.integers(8, 200))
def test_interval_inverts_the_noncentral_f(f, q, dof):
    n = dof + q + 1
    low, high = effect_sizes.noncentral_f_interval(f, q, dof, n)
    low, high = (float(n * end / (1 - end)) for end in (low, high))
    assert 0 <= low <= high
    if low > 0:
        assert stats.ncf.sf(f, q, dof, low) == pytest.approx(0.025, abs=1e-5)
    else:
        assert stats.f.sf(f, q, dof) >= 0.025 - 1e-9
    if high > 0:
        assert stats.ncf.cdf(f, q, dof, high) == pytest.approx(0.025, abs=1e-5)


@pytest.mark.parametrize("dof", [5, 27, 400])
@pytest.mark.parametrize("true", [5200.0, 2e4, 1e5, 5e6])
def test_noncentrality_of_a_huge_f_is_found(dof, true):
    for p in (0.025, 0.975):
        f = stats.ncf.ppf(p, 2, dof, true)
        assert noncentral.noncentrality_of_f(2, dof, p, f) == pytest.approx(true, rel=1e-4)


def test_f_interval_of_one_row_is_that_of_t():
    """With one regressor the noncentrality of F is the square of that of t."""
    t, dof, n = 6.0, 27, 29
    low, high = effect_sizes.noncentral_interval(t, dof)
    ends = effect_sizes.noncentral_f_interval(t**2, 1, dof, n)
    squares = np.array([low, high]) ** 2
    np.testing.assert_allclose(ends, squares / (squares + n), rtol=1e-3)


def test_f_interval_covers_the_truth_and_regions_have_eta():
    rng = np.random.default_rng(4)
    labels = ["a"] * 8 + ["b"] * 9 + ["c"] * 12
    model = designs.anova(labels, ["a", "b", "c"])
    means = np.repeat([0.9, 0.0, -0.3], [8, 9, 12])
    data = rng.normal(size=(29, 4000)) + means[:, None]
    table = effect_sizes.regional(data, model, np.ones(4000))
    noncentrality = np.sum((means - means.mean()) ** 2)
    truth = noncentrality / (noncentrality + 29)
    covered = np.mean((table["ci_low"] <= truth) & (table["ci_high"] >= truth))
    assert covered == pytest.approx(0.95, abs=0.012)
    between = np.sum(
        (model.matrix @ np.linalg.pinv(model.matrix) @ data[:, :5] - data[:, :5].mean(0)) ** 2, 0
    )
    whole = np.sum((data[:, :5] - data[:, :5].mean(0)) ** 2, 0)
    np.testing.assert_allclose(table["partial_eta2"][:5], between / whole)


def by_root(t, dof, scale):
    """Ends of the noncentral t interval by scipy's root finder, times Hedges' factor."""
    ends = [
        optimize.brentq(lambda nc, p=p: stats.nct.cdf(t, dof, nc) - p, t - 8, t + 8) * scale
        for p in (0.975, 0.025)
    ]
    return np.array(ends) * special.gamma(dof / 2) / special.gamma((dof - 1) / 2) / (dof / 2) ** 0.5


def test_a_difference_and_g_have_intervals_of_their_own():
    rng = np.random.default_rng(8)
    data = rng.normal(1.5, 0.1, (29, 5)) - 0.1 * (np.arange(29) < 11)[:, None]
    table = effect_sizes.regional(data, design.two_sample(GROUPS, "a", "b"), np.ones(5))
    own = stats.ttest_ind(data[:11], data[11:]).confidence_interval()
    np.testing.assert_allclose(table["estimate_ci_low"], own.low)
    np.testing.assert_allclose(table["estimate_ci_high"], own.high)
    for k, t in enumerate(table["t"]):
        low, high = by_root(t, 27, np.sqrt(1 / 11 + 1 / 18))
        assert table["g_ci_low"][k] == pytest.approx(low, rel=1e-5)
        assert table["g_ci_high"][k] == pytest.approx(high, rel=1e-5)
    assert (table["ci_low"] == table["g_ci_low"]).all()
    welch = effect_sizes.regional(data, design.two_sample(GROUPS, "a", "b"), np.ones(5), "welch")
    own = stats.ttest_ind(data[:11], data[11:], equal_var=False).confidence_interval()
    np.testing.assert_allclose(welch["estimate_ci_low"], own.low)
    assert (welch["g_ci_low"] < welch["g"]).all() and (welch["g"] < welch["g_ci_high"]).all()


def test_slopes_have_partial_r():
    rng = np.random.default_rng(9)
    score, age = rng.normal(size=(2, 29))
    data = rng.normal(size=(29, 4000)) + 0.5 * score[:, None] + age[:, None]
    labels = pd.Series(score, name="score"), pd.DataFrame({"age": age})
    model = designs.regression(GROUPS, ["a", "b"], *labels)
    table = effect_sizes.regional(data, model, np.ones(4000))
    others = np.delete(model.matrix, 2, axis=1)
    left = [y - others @ np.linalg.lstsq(others, y, rcond=None)[0] for y in (data, score)]
    wanted = [np.corrcoef(left[0][:, k], left[1])[0, 1] for k in range(50)]
    np.testing.assert_allclose(table["partial_r"][:50], wanted)
    assert "g_ci_low" not in table and table["g"].isna().all()
    slope = left[1] @ left[1] / 28
    truth = 0.5 * np.sqrt(slope) / np.sqrt(0.25 * slope + 1)
    covered = np.mean((table["partial_r_ci_low"] <= truth) & (table["partial_r_ci_high"] >= truth))
    assert covered == pytest.approx(0.95, abs=0.02)


def test_interval_of_r_is_scipys_where_nothing_is_held_constant():
    rng = np.random.default_rng(10)
    x, y = rng.normal(size=(2, 24))
    known = stats.pearsonr(x, y)
    model = designs.regression(["a"] * 24, ["a"], pd.Series(x, name="x"))
    found = effect_sizes.partial_r(glm.fit(y[:, None], model))
    wanted = [known.statistic, *known.confidence_interval()]
    np.testing.assert_allclose(np.ravel(found), wanted)


def test_r_and_eta_of_groups_with_their_own_variances_are_those_of_residuals():
    """Whatever the test's variances are: the correlation of what the other columns leave."""
    rng = np.random.default_rng(12)
    labels = ["a"] * 8 + ["b"] * 20
    score = pd.Series(rng.normal(size=28), name="score")
    data = rng.normal(size=(28, 40)) * np.repeat([3.0, 1.0], [8, 20])[:, None]
    model = designs.regression(labels, ["a", "b"], score)
    table = effect_sizes.regional(data, model, np.ones(40), "welch")
    means = model.matrix[:, :2]
    left = [y - means @ np.linalg.lstsq(means, y, rcond=None)[0] for y in (data, score.to_numpy())]
    wanted = [np.corrcoef(left[0][:, k], left[1])[0, 1] for k in range(40)]
    np.testing.assert_allclose(table["partial_r"], wanted)
    held = table["partial_r"].between(table["partial_r_ci_low"], table["partial_r_ci_high"])
    assert held.all()
    groups = ["a"] * 8 + ["b"] * 10 + ["c"] * 10
    table = effect_sizes.regional(
        data, designs.anova(groups, ["a", "b", "c"]), np.ones(40), "welch"
    )
    f = np.array([stats.f_oneway(data[:8, k], data[8:18, k], data[18:, k])[0] for k in range(40)])
    np.testing.assert_allclose(table["partial_eta2"], 2 * f / (2 * f + 25))


def test_pairs_have_d_z():
    rng = np.random.default_rng(11)
    first, second = rng.normal(1, 0.2, (2, 12, 3))
    labels = ["a"] * 12 + ["b"] * 12
    model = designs.paired(labels, "a", "b", [*range(12), *range(12)])
    differences = first - second
    assert effect_sizes.effect_size_of(model) == "d_z"
    table = effect_sizes.regional(differences, model, np.ones(3))
    factor = special.gamma(5.5) / special.gamma(5) / 5.5**0.5
    d_z = differences.mean(axis=0) / differences.std(axis=0, ddof=1) * factor
    np.testing.assert_allclose(table["d_z"], d_z)
    np.testing.assert_allclose(table["g"], d_z)
    low, high = by_root(table["t"][0], 11, np.sqrt(1 / 12))
    np.testing.assert_allclose([table["d_z_ci_low"][0], table["d_z_ci_high"][0]], [low, high])


def test_each_design_has_its_effect_size():
    ages = pd.DataFrame({"age": np.arange(29.0), "group": GROUPS})
    rows = np.arange(29)
    formula = from_formula("group + age", ages, rows, of="group", reference="b")
    slope = from_formula("group * age", ages, rows, of="group:age", reference="b")
    cases = {
        "g": [design.two_sample(GROUPS, "a", "b", ages[["age"]]), formula,
              designs.one_sample(GROUPS, "a", ages[["age"]])],
        "partial_r": [designs.regression(GROUPS, ["a", "b"], ages["age"]), slope],
        "partial_eta2": [designs.anova(["a"] * 9 + ["b"] * 9 + ["c"] * 11, ["a", "b", "c"])],
    }  # fmt: skip
    for wanted, models in cases.items():
        assert [effect_sizes.effect_size_of(model) for model in models] == [wanted] * len(models)


def test_regions_are_scipys():
    rng = np.random.default_rng(2)
    data = rng.normal(1.5, 0.1, (29, 6))
    baseline = data[11:].mean(axis=0)
    table = effect_sizes.regional(data, design.two_sample(GROUPS, "a", "b"), baseline)
    test = stats.ttest_ind(data[:11], data[11:])
    np.testing.assert_allclose(table["t"], test.statistic)
    np.testing.assert_allclose(table["p"], test.pvalue)
    difference = data[:11].mean(axis=0) - baseline
    np.testing.assert_allclose(table["percent"], 100 * difference / baseline)


@pytest.mark.parametrize("alpha", [0.05, 1e-5])
def test_detectable_effect_has_the_power_statsmodels_gives(alpha):
    dof, se = 27, np.sqrt(1 / 11 + 1 / 18)
    height = stats.t.isf(alpha, dof)
    found = power.detectable(np.array([se, np.nan]), np.array([dof, np.nan]), height, dof)
    own = TTestIndPower().power(found[0], 11, alpha, ratio=18 / 11, alternative="larger")
    assert own == pytest.approx(0.8, abs=1e-6)
    assert np.isnan(found[1])


def test_detectable_effect_where_dof_differ():
    rng = np.random.default_rng(0)
    dof = rng.uniform(12, 27, 500)
    found = power.detectable(np.ones(500), dof, 5.0, 27.0)
    for k in range(0, 500, 100):
        height = scores.z_to_t(scores.t_to_z(5.0, 27), dof[k])
        assert stats.nct.sf(height, dof[k], found[k]) == pytest.approx(0.8, abs=1e-4)


def test_detectable_eta_has_the_power_statsmodels_gives():
    dof, n, q = 26.0, 29, 2
    height = stats.f.isf(0.001, q, dof)
    (eta,) = power.detectable_eta(np.array([n]), np.array([dof]), q, height, dof)
    own = FTestAnovaPower().power(power.cohens_f(eta), n, 0.001, k_groups=3)
    assert own == pytest.approx(0.8, abs=1e-6)
    fewer = power.detectable_eta(np.array([20, np.nan]), np.array([17.0, 20]), q, height, dof)
    assert fewer[0] > eta
    assert np.isnan(fewer[1])


@pytest.mark.parametrize("t", [1500.0, 3e6, -4e9])
@pytest.mark.parametrize("dof", [1.03, 2.5, 20.0])
def test_interval_of_a_huge_t_ends_and_inverts_the_noncentral_t(t, dof):
    """A group of two leaves Welch's t little more than one degree of freedom, and t no bound."""
    shares = (np.arange(200_000) + 0.5) / 200_000
    spread = np.sqrt(stats.chi2.ppf(shares, dof) / dof)
    for end, p in zip(effect_sizes.noncentral_interval(t, dof), (0.975, 0.025), strict=True):
        below = stats.norm.cdf(t * spread - end).mean()
        assert below == pytest.approx(p, abs=2e-4)


def test_interval_of_no_finite_t_is_not_known():
    low, high = effect_sizes.noncentral_interval([np.nan, np.inf, 2.0], 10)
    assert np.isfinite([low, high]).all(axis=0).tolist() == [False, False, True]
