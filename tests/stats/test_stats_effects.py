"""Effect sizes, their exact intervals and the minimum detectable effect."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.power import TTestIndPower

from rt1t2_dask.stats import design, effect_sizes, power, scores

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
