"""The linear model against statsmodels and scipy, with and without missing people."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import design, scores
from rt1t2_dask.stats.glm import fit as glm
from rt1t2_dask.stats.glm import reml

N1, N2 = 11, 18
GROUPS = ["psp"] * N1 + ["hc"] * N2


def simulated(voxels=200, missing=0.05, seed=0):
    rng = np.random.default_rng(seed)
    data = rng.normal(1.5, 0.1, (N1 + N2, voxels))
    data[:N1] *= 0.95
    data[rng.random(data.shape) < missing] = np.nan
    covariates = pd.DataFrame(
        {"age": rng.normal(60, 10, N1 + N2), "sex": rng.choice(["F", "M"], N1 + N2)}
    )
    return data, covariates


def reference_ols(values, covariates, weights=None):
    """One voxel by statsmodels, without its missing people: contrast, t, dof."""
    here = np.isfinite(values)
    patient = np.array(GROUPS) == "psp"
    columns = [patient, ~patient, covariates["age"], covariates["sex"] == "M"]
    matrix = np.column_stack(columns).astype(float)[here]
    matrix[:, 2:] -= matrix[:, 2:].mean(axis=0)
    weight = np.ones(len(values)) if weights is None else weights
    result = sm.WLS(values[here], matrix, weights=weight[here]).fit()
    test = result.t_test([1, -1, 0, 0])
    return test.effect.item(), test.tvalue.item(), result.df_resid, np.sqrt(result.scale)


def test_against_statsmodels_with_missing_people():
    data, covariates = simulated()
    model = design.two_sample(GROUPS, "psp", "hc", covariates)
    result = glm.fit(data, model)
    assert 0 < np.isnan(data).any(axis=0).mean() < 1
    tested = 0
    for v in np.flatnonzero(np.isfinite(result.t)):
        effect, t, dof, deviation = reference_ols(data[:, v], covariates)
        assert result.effect[v] == pytest.approx(effect, rel=1e-9)
        assert result.t[v] == pytest.approx(t, rel=1e-9)
        assert result.dof[v] == dof
        j = special.gamma(dof / 2) / (np.sqrt(dof / 2) * special.gamma((dof - 1) / 2))
        assert result.hedges_g[v] == pytest.approx(effect / deviation * j, rel=1e-9)
        assert result.n[v] == np.isfinite(data[:, v]).sum()
        tested += 1
    assert tested > 150


def test_fixed_variance_ratio_is_weighted_least_squares():
    data, covariates = simulated(40)
    model = design.two_sample(GROUPS, "psp", "hc", covariates)
    ratio = {"psp": 2.3, "hc": 0.7}
    result = glm.fit(data, model, "spm_unequal", group_variance=ratio)
    weights = np.array([1 / ratio[g] for g in GROUPS])
    for v in np.flatnonzero(np.isfinite(result.t)):
        effect, t, dof, _ = reference_ols(data[:, v], covariates, weights)
        np.testing.assert_allclose([result.effect[v], result.t[v]], [effect, t], rtol=1e-9)
        assert result.dof[v] == dof


def test_welch_without_covariates_is_scipys():
    data, _ = simulated(60)
    data[:N1] = (data[:N1] - 1.4) * 3 + 1.4
    result = glm.fit(data, design.two_sample(GROUPS, "psp", "hc"), "welch")
    for v in np.flatnonzero(np.isfinite(result.t)):
        test = stats.ttest_ind(data[:N1, v], data[N1:, v], equal_var=False, nan_policy="omit")
        np.testing.assert_allclose(
            [result.t[v], result.dof[v]], [test.statistic, test.df], rtol=1e-9
        )


def test_welch_holds_its_level_where_student_does_not():
    rng = np.random.default_rng(5)
    data = rng.normal(size=(N1 + N2, 20000))
    data[:N1] *= 3
    age = pd.DataFrame({"age": rng.normal(60, 10, N1 + N2)})
    model = design.two_sample(GROUPS, "psp", "hc", age)
    rate = {
        kind: np.mean(2 * stats.norm.sf(np.abs(glm.fit(data, model, kind).z)) < 0.05)
        for kind in ("equal", "welch")
    }
    assert rate["equal"] > 0.07
    assert abs(rate["welch"] - 0.05) < 0.005


def test_too_few_people_give_nan():
    data, _ = simulated(3, missing=0)
    data[:4, 0] = np.nan  # 7 of 11 patients: under 70 %
    data[:3, 1] = np.nan  # 8 of 11
    result = glm.fit(data, design.two_sample(GROUPS, "psp", "hc"))
    assert np.isnan(result.t[0])
    assert np.isfinite(result.t[1:]).all()
    assert result.n.tolist() == [25, 26, 29]


def test_constant_voxel_gives_nan():
    data, _ = simulated(2, missing=0)
    data[:, 0] = 1.0
    result = glm.fit(data, design.two_sample(GROUPS, "psp", "hc"))
    assert np.isnan(result.t[0])
    assert np.isfinite(result.t[1])


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 119), max_size=6), kind=st.sampled_from(["equal", "welch"]))
def test_bits_do_not_depend_on_blocks(cuts, kind):
    data, covariates = simulated(120)
    model = design.two_sample(GROUPS, "psp", "hc", covariates)
    whole = glm.fit(data, model, kind)
    edges = [0, *sorted(set(cuts)), 120]
    parts = [glm.fit(data[:, a:b], model, kind) for a, b in pairwise(edges)]
    for name in ("t", "z", "dof", "effect", "hedges_g"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(p, name) for p in parts]), getattr(whole, name)
        )


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 119), max_size=6))
def test_pooled_covariance_does_not_depend_on_blocks(cuts):
    data, covariates = simulated(120, missing=0.01)
    model = design.two_sample(GROUPS, "psp", "hc", covariates)
    whole = reml.accumulate_cy(data, model)
    edges = [0, *sorted(set(cuts)), 120]
    parts = [reml.accumulate_cy(data[:, a:b], model) for a, b in pairwise(edges)]
    pooled = sum(parts[1:], start=parts[0])
    np.testing.assert_array_equal(pooled.products, whole.products)
    assert pooled.voxels == whole.voxels > 0


@settings(max_examples=40, deadline=None)
@given(scale=st.floats(0.01, 100), shift=st.floats(-10, 10), seed=st.integers(0, 1000))
def test_t_ignores_units_and_flips_with_the_contrast(scale, shift, seed):
    data, _ = simulated(20, seed=seed)
    forward, backward = (
        glm.fit(values, design.two_sample(GROUPS, *names))
        for values, names in ((data, ("psp", "hc")), (data * scale + shift, ("hc", "psp")))
    )
    np.testing.assert_allclose(forward.t, -backward.t, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "names", "covariates", "message"),
    [
        (["a", "b", "b"], ("a", "b"), None, "group 'a' has 1 participants"),
        (["a", "a", "b", "b"], ("a", "a"), None, "with itself"),
        (["a"] * 3 + ["b"] * 3, ("a", "b"), {"x": [1.0] * 6}, "column 'x' is constant"),
        (["a"] * 3 + ["b"] * 3, ("a", "b"), {"x": [0.0] * 3 + [1.0] * 3}, "column 'x'"),
        (["a"] * 3 + ["b"] * 3, ("a", "b"), {"x": [1, 2, None, 4, 5, 6]}, "missing for 1"),
        (["a"] * 2 + ["b"] * 2, ("a", "b"), {"x": [1, 3, 2, 9], "y": [5, 1, 1, 1]}, "residual"),
        (["a"] * 3 + ["b"] * 3, ("a", "b"), {"x": ["M"] * 6}, "'M' for everybody"),
    ],
)
def test_designs_that_are_refused(labels, names, covariates, message):
    table = None if covariates is None else pd.DataFrame(covariates)
    with pytest.raises(UserError, match=message):
        design.two_sample(labels, *names, table)


def test_other_groups_are_left_out():
    model = design.two_sample(["x", "a", "b", "a", "b", "x"], "a", "b")
    assert model.rows.tolist() == [1, 2, 3, 4]
    assert model.group.tolist() == ["a", "b", "a", "b"]


def test_missing_covariate_names_the_person():
    table = pd.DataFrame({"age": [50, np.nan, 60, 61]})
    with pytest.raises(UserError, match="sub-2"):
        design.two_sample(
            list("aabb"), "a", "b", table, participants=["sub-1", "sub-2", "sub-3", "sub-4"]
        )


@pytest.mark.parametrize("dof", [3, 27, 200])
@pytest.mark.parametrize("t", [0.0, 1.0, 4.0, 30.0, 1e3])
def test_t_to_z_against_numerical_integration(t, dof):
    """The tail of the density, integrated in log space."""

    def density(s):
        x = t + s / (1 - s)
        return np.exp(stats.t.logpdf(x, dof)) / (1 - s) ** 2

    tail = integrate.quad(density, 0, 1, epsabs=0, epsrel=1e-11, limit=500)[0]
    if tail > 0:
        assert special.ndtr(-scores.t_to_z(t, dof)) == pytest.approx(tail, rel=1e-6)


def test_t_to_z_where_p_underflows():
    t, dof = 1e40, 12
    log_p = np.log(0.5) + dof / 2 * (np.log(dof) - 2 * np.log(t))
    log_p -= special.betaln(dof / 2, 0.5) + np.log(dof / 2)  # leading term of the tail
    z = float(scores.t_to_z(t, dof))
    assert float(special.log_ndtr(-z)) == pytest.approx(float(log_p), rel=1e-9)


@given(st.floats(-30, 30), st.floats(2, 500), st.floats(0.01, 5))
def test_scores_are_odd_monotone_and_invertible(t, dof, step):
    low, high = scores.t_to_z([t, t + step], dof)
    assert low < high
    assert scores.t_to_z(-t, dof) == -low
    assert scores.z_to_t(low, dof) == pytest.approx(t, rel=1e-6, abs=1e-9)
