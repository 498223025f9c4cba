"""Equivalence tests against statsmodels, Bayes factors against R's BayesFactor and quadrature."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from statsmodels.stats.weightstats import ttest_ind, ttost_ind

from rt1t2_dask.stats.absence import (
    WIDTH,
    bayes_factor,
    equivalence_p,
    equivalence_t,
    standardised_equivalence_p,
)

# R's data sets `sleep` and `chickwts` (base R), and what BayesFactor's ttestBF prints of them with
# the default prior: of pairs, of the second drug, and (three digits, its manual) of two feeds.
SLEEP = np.array([
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
])  # fmt: skip
HORSEBEAN = np.array([179, 160, 136, 227, 217, 168, 108, 124, 143, 140.0])
LINSEED = np.array([309, 229, 181, 141, 260, 203, 148, 169, 213, 257, 244, 271.0])
PUBLISHED = {"pairs": 17.25888, "second drug": 10.71554, "feeds": 5.98}


def test_bayes_factors_that_r_publishes():
    paired = stats.ttest_1samp(SLEEP[0] - SLEEP[1], 0.0).statistic
    assert bayes_factor(paired, 10, 9) == pytest.approx(PUBLISHED["pairs"], rel=1e-6)
    second = stats.ttest_1samp(SLEEP[1], 0.0).statistic
    assert bayes_factor(second, 10, 9) == pytest.approx(PUBLISHED["second drug"], rel=1e-6)
    two = stats.ttest_ind(HORSEBEAN, LINSEED).statistic
    n1, n2 = len(HORSEBEAN), len(LINSEED)
    found = bayes_factor(two, n1 * n2 / (n1 + n2), n1 + n2 - 2)
    assert found == pytest.approx(PUBLISHED["feeds"], abs=0.005)


def by_quadrature(t: float, n: float, dof: float, width: float) -> float:
    """Marginal likelihood of t over a Cauchy effect, from the noncentral t distribution."""

    def density(delta):
        return stats.nct.pdf(t, dof, delta * np.sqrt(n)) * stats.cauchy.pdf(delta, scale=width)

    edges = [-np.inf, -3, t / np.sqrt(n), 3, np.inf]
    pieces = [integrate.quad(density, a, b)[0] for a, b in pairwise(edges)]
    return sum(pieces) / stats.t.pdf(t, dof)


@pytest.mark.parametrize(("t", "n", "dof"), [(0.0, 5.5, 20), (2.3, 8.0, 27), (-4.0, 12.0, 45)])
@pytest.mark.parametrize("width", [float(WIDTH), 0.4])
def test_bayes_factor_is_the_ratio_of_marginal_likelihoods(t, n, dof, width):
    assert bayes_factor(t, n, dof, width) == pytest.approx(
        by_quadrature(t, n, dof, width), rel=1e-4
    )


@given(st.floats(-30, 30), st.floats(1, 500), st.floats(1, 1000))
def test_bayes_factors_are_even_and_rise_with_t(t, n, dof):
    one, other, further = bayes_factor([t, -t, abs(t) + 0.5], n, dof)
    assert one == other
    assert 0 < one < further


def test_unknown_t_has_no_bayes_factor():
    assert np.isnan(bayes_factor([np.nan, 1.0], 5, 10)).tolist() == [True, False]


@pytest.mark.parametrize("usevar", ["pooled", "unequal"])
def test_equivalence_is_that_of_statsmodels(usevar):
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.02, 0.1, 14), rng.normal(0, 0.2, 19)
    low, high = -0.12, 0.1
    wanted, first, second = ttost_ind(one, other, low, high, usevar=usevar)
    t, _, dof = ttest_ind(one, other, usevar=usevar)
    effect = one.mean() - other.mean()
    assert equivalence_p(effect, effect / t, dof, low, high) == pytest.approx(wanted)
    least = equivalence_t(effect, effect / t, low, high)
    assert least == pytest.approx(min(first[0], -second[0]))


def test_equivalence_agrees_with_the_ninety_percent_interval():
    effect, se, dof = np.linspace(-0.2, 0.2, 81), 0.05, 27
    half = stats.t.isf(0.05, dof) * se
    within = (effect - half > -0.1) & (effect + half < 0.1)
    np.testing.assert_array_equal(equivalence_p(effect, se, dof, -0.1, 0.1) < 0.05, within)


def test_standardised_bounds_keep_their_level_at_the_bound():
    rng, n, bound = np.random.default_rng(4), 12, 0.8
    one, other = rng.normal(bound, 1, (20_000, n)), rng.normal(0, 1, (20_000, n))
    t = stats.ttest_ind(one, other, axis=1).statistic
    rate = (standardised_equivalence_p(t, n / 2, 2 * n - 2, bound) < 0.2).mean()
    assert rate == pytest.approx(0.2, abs=3 * np.sqrt(0.2 * 0.8 / 20_000) + 0.02)
    far = standardised_equivalence_p(0.0, 500, 998, bound)
    assert far < 1e-6
