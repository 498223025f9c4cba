"""F tests and F fields against statsmodels, scipy and their relation to t."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats
from statsmodels.stats.oneway import anova_oneway

from rt1t2_dask.stats import design, designs, scores
from rt1t2_dask.stats.clusters import components as clusters
from rt1t2_dask.stats.clusters import random_field
from rt1t2_dask.stats.glm import fit as glm

LABELS = ["a"] * 8 + ["b"] * 9 + ["c"] * 12


def simulated(missing: float, seed: int = 0) -> tuple[np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    data = rng.normal(1.5, 0.1, (len(LABELS), 80))
    data[:8] += 0.05
    data[8:17] *= rng.uniform(0.5, 2, (9, 1))
    data[rng.random(data.shape) < missing] = np.nan
    return data, pd.DataFrame({"age": rng.normal(60, 10, len(LABELS))})


@pytest.mark.parametrize("ratio", [None, {"a": 2.0, "b": 0.5, "c": 1.0}])
def test_f_is_statsmodels_with_missing_people(ratio):
    data, age = simulated(0.04)
    model = designs.anova(LABELS, ["a", "b", "c"], age)
    kind = "spm_unequal" if ratio else "equal"
    result = glm.fit(data, model, kind, group_variance=ratio)
    weights = np.array([1 / ratio[g] if ratio else 1.0 for g in LABELS])
    tested = np.flatnonzero(np.isfinite(result.t))
    assert len(tested) > 50
    for v in tested:
        here = np.isfinite(data[:, v])
        fitted = sm.WLS(data[here, v], model.matrix[here], weights=weights[here]).fit()
        test = fitted.f_test(model.contrast.T)
        assert result.t[v] == pytest.approx(float(test.fvalue), rel=1e-8)
        assert result.dof[v] == fitted.df_resid
        assert stats.norm.sf(result.z[v]) == pytest.approx(float(test.pvalue), rel=1e-8)
    assert np.isnan(result.effect).all()


def test_unequal_f_is_welchs_analysis_of_variance():
    data, _ = simulated(0.0)
    result = glm.fit(data, designs.anova(LABELS, ["a", "b", "c"]), "welch")
    for v in range(20):
        test = anova_oneway(np.split(data[:, v], [8, 17]), use_var="unequal", welch_correction=True)
        assert result.t[v] == pytest.approx(test.statistic, rel=1e-8)
        assert result.dof[v] == pytest.approx(test.df[1], rel=1e-8)


def test_f_of_one_row_is_t_squared():
    data, age = simulated(0.05)
    model = design.two_sample(LABELS, "a", "c", age)
    t = glm.fit(model.observed(data), model).t
    for v in np.flatnonzero(np.isfinite(t))[:10]:
        y = model.observed(data)[:, v]
        here = np.isfinite(y)
        f = sm.OLS(y[here], model.matrix[here]).fit().f_test(model.contrast.T).fvalue
        assert t[v] ** 2 == pytest.approx(float(f), rel=1e-8)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.01, 60), st.integers(1, 6), st.floats(3, 300))
def test_f_scores_invert(f, q, dof):
    z = float(scores.f_to_z(f, q, dof))
    assert stats.norm.sf(z) == pytest.approx(stats.f.sf(f, q, dof), rel=1e-8)
    assert float(scores.z_to_f(z, q, dof)) == pytest.approx(f, rel=1e-6)


def test_f_score_where_p_underflows():
    q, dof, f = 3, 400, 1e6

    def density(s):
        return np.exp(stats.f.logpdf(f * np.exp(s), q, dof) + s - stats.f.logpdf(f, q, dof))

    integral = integrate.quad(density, 0, 1, epsrel=1e-10)[0]
    log_p = np.log(integral) + np.log(f) + stats.f.logpdf(f, q, dof)
    assert float(stats.norm.logsf(scores.f_to_z(f, q, dof))) == pytest.approx(log_p, rel=1e-8)


@pytest.mark.parametrize("dof", [8, 27, 150])
def test_f_field_of_one_row_is_a_t_field_of_both_signs(dof):
    t = np.array([1.5, 2.5, 4.0, 6.0])
    expected = 2 * random_field.euler_densities(t, dof)
    np.testing.assert_allclose(random_field.euler_densities(t**2, dof, 1), expected, rtol=1e-9)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_f_field_of_many_people_is_a_chi_squared_field(k):
    """Worsley 1994: densities of a chi-squared field, in FWHM units."""
    u = np.array([8.0, 15.0, 25.0])
    rough = 4 * np.log(2)
    front = np.exp(-u / 2) / (2 ** ((k - 2) / 2) * special.gamma(k / 2))
    expected = np.stack(
        [
            stats.chi2.sf(u, k),
            (rough / (2 * np.pi)) ** 0.5 * u ** ((k - 1) / 2) * front,
            rough / (2 * np.pi) * u ** ((k - 2) / 2) * front * (u - (k - 1)),
            (rough / (2 * np.pi)) ** 1.5
            * u ** ((k - 3) / 2)
            * front
            * (u**2 - (2 * k - 1) * u + (k - 1) * (k - 2)),
        ],
        axis=-1,
    )
    found = random_field.euler_densities(u / k, 1e7, k)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_f_clusters_have_one_sign_and_keep_p_over_dof():
    rng = np.random.default_rng(3)
    f = stats.f.rvs(2, 20, size=(12, 12, 12), random_state=rng)
    f[4:7, 4:7, 4:7] = 30.0
    found = clusters.find(f, np.eye(4), 20.0, p=0.001, numerator=2)
    assert found.height == pytest.approx(stats.f.isf(0.001, 2, 20))
    assert found.clusters[0].voxels >= 27
    peak = found.clusters[0].peak
    assert stats.norm.sf(peak.z) == pytest.approx(stats.f.sf(peak.t, 2, 20), rel=1e-3)
