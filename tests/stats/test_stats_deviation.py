"""Modified t against statsmodels and the published formula, left-out identities, p by rank."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.deviation import (
    extremes,
    joined_extremes,
    left_out,
    leverages,
    p_by_rank,
    percent_below,
    standardised,
    two_sided_p,
)
from rt1t2_dask.stats.glm.noise import standardised_residuals

N, VOXELS = 14, 40


@pytest.fixture
def people():
    rng = np.random.default_rng(4)
    age = rng.normal(60, 10, N + 1)
    sex = np.arange(N + 1) % 2
    matrix = np.column_stack([np.ones(N + 1), age - age.mean(), sex])
    data = 1.5 + 0.004 * age[:, None] + rng.normal(0, 0.1, (N + 1, VOXELS))
    return data, matrix


def refit(data, matrix, k):
    """Fit the others by statsmodels and return t, dof and difference of row k."""
    others = np.arange(len(data)) != k
    known = others & np.isfinite(data)
    model = sm.OLS(data[known], matrix[known]).fit()
    told = model.get_prediction(matrix[k : k + 1])
    wide = told.summary_frame(alpha=0.05)
    half = (wide["obs_ci_upper"] - wide["obs_ci_lower"]).iloc[0] / 2
    se = half / stats.t.isf(0.025, model.df_resid)
    difference = data[k] - told.predicted_mean[0]
    return difference / se, model.df_resid, difference


def test_everybody_is_beyond_the_prediction_interval_as_statsmodels_has_it(people):
    data, matrix = people
    found = left_out(data, matrix)
    for k in range(N + 1):
        for v in (0, 7, 39):
            t, dof, difference = refit(data[:, v], matrix, k)
            assert found.t[k, v] == pytest.approx(t, rel=1e-9)
            assert found.dof[k, v] == dof
            assert found.difference[k, v] == pytest.approx(difference, rel=1e-9)


def test_without_covariates_it_is_the_published_formula(people):
    data, _ = people
    found = left_out(data, np.ones((N + 1, 1)))
    controls, x = data[:N], data[N]
    mean, s = controls.mean(axis=0), controls.std(axis=0, ddof=1)
    np.testing.assert_allclose(found.t[N], (x - mean) / (s * np.sqrt((N + 1) / N)), rtol=1e-10)
    assert (found.dof[N] == N - 1).all()


def test_a_published_case():
    """Crawford & Howell's formula worked by hand: 10 controls, mean 50, SD 10, patient 30."""
    controls = np.linspace(-1, 1, 10)
    controls = 50 + 10 * (controls - controls.mean()) / controls.std(ddof=1)
    found = left_out(np.r_[controls, 30.0][:, None], np.ones((11, 1)))
    assert found.t[10, 0] == pytest.approx(-20 / (10 * np.sqrt(1.1)))
    below = percent_below(found.t[10], found.dof[10])[0]
    assert below == pytest.approx(100 * stats.t.cdf(-1.90693, 9), rel=1e-4)
    assert two_sided_p(found.t[10], 9.0)[0] == pytest.approx(2 * below / 100)


def test_missing_people_are_left_out_only_there(people):
    data, matrix = people
    rng = np.random.default_rng(1)
    holes = data.copy()
    holes[rng.random(holes.shape) < 0.15] = np.nan
    found = left_out(holes, matrix)
    for k in range(N + 1):
        for v in range(VOXELS):
            others = np.isfinite(np.delete(holes[:, v], k)).sum()
            if np.isnan(holes[k, v]) or others < 5:
                assert np.isnan(found.t[k, v])
            else:
                t, dof, difference = refit(holes[:, v], matrix, k)
                assert found.t[k, v] == pytest.approx(t, rel=1e-8)
                assert found.dof[k, v] == dof
                assert found.difference[k, v] == pytest.approx(difference, rel=1e-8)


def test_too_few_others_are_not_compared_with(people):
    data, matrix = people
    holes = data.copy()
    holes[:8, 0] = np.nan
    assert np.isnan(left_out(holes, matrix, 7).t[:, 0]).all()
    assert np.isfinite(left_out(holes, matrix, 6).t[8:, 0]).all()


def test_someone_whom_the_others_cannot_predict_has_no_t(people):
    data, matrix = people
    alone = np.column_stack([matrix, np.eye(N + 1)[3]])
    found = left_out(data, alone)
    assert np.isnan(found.t[3]).all()
    assert np.isfinite(np.delete(found.t, 3, axis=0)).all()
    t, dof, _ = refit(np.delete(data[:, 0], 3), np.delete(matrix, 3, axis=0), 0)
    assert found.t[0, 0] == pytest.approx(t)
    assert found.dof[0, 0] == dof


def test_alone_where_covariates_are_missing(people):
    """A category that only one measured person has at a voxel is not compared there."""
    data, matrix = people
    category = np.zeros(N + 1)
    category[[2, 5]] = 1.0
    holes = data.copy()
    holes[2, 0] = np.nan
    found = left_out(holes, np.column_stack([matrix, category]))
    assert np.isnan(found.t[5, 0])
    assert np.isfinite(found.t[5, 1])


def test_constant_controls_have_no_t(people):
    _, matrix = people
    data = np.full((N + 1, 2), 1.3)
    data[N, 1] = 2.0
    assert np.isnan(left_out(data, matrix).t[N]).all()


def test_blocks_of_voxels_change_no_bit(people, monkeypatch):
    data, matrix = people
    data[2, 5] = np.nan
    whole = left_out(data, matrix)
    parts = [left_out(data[:, part], matrix) for part in (slice(0, 3), slice(3, VOXELS))]
    np.testing.assert_array_equal(whole.t, np.concatenate([own.t for own in parts], axis=1))
    joined = joined_extremes([extremes(own.t, own.dof) for own in parts])
    np.testing.assert_array_equal(extremes(whole.t, whole.dof), joined)


def test_order_of_people_does_not_matter(people):
    data, matrix = people
    order = np.random.default_rng(2).permutation(N + 1)
    np.testing.assert_allclose(
        left_out(data[order], matrix[order]).t, left_out(data, matrix).t[order], rtol=1e-10
    )


def test_p_by_rank_is_what_counting_gives(people):
    data, matrix = people
    rng = np.random.default_rng(6)
    holes = data.copy()
    holes[rng.random(holes.shape) < 0.05] = np.nan
    found = left_out(holes, matrix)
    z = np.where(
        np.isfinite(found.t),
        np.sign(found.t) * stats.norm.isf(stats.t.sf(np.abs(found.t), found.dof)),
        np.nan,
    )
    each = extremes(found.t, found.dof)
    np.testing.assert_allclose(each[:, 0], np.nanmax(z, axis=1), rtol=1e-9)
    np.testing.assert_allclose(each[:, 1], np.nanmin(z, axis=1), rtol=1e-9)
    p = p_by_rank(z[N], each[:N])
    for v in range(VOXELS):
        if np.isnan(z[N, v]):
            assert np.isnan(p["both"][v])
            continue
        both = sum(np.nanmax(np.abs(z[k])) >= abs(z[N, v]) for k in range(N))
        higher = sum(np.nanmax(z[k]) >= z[N, v] for k in range(N))
        lower = sum(np.nanmin(z[k]) <= z[N, v] for k in range(N))
        wanted = [(1 + count) / (N + 1) for count in (both, higher, lower)]
        found_p = [p[name][v] for name in ("both", "higher", "lower")]
        assert found_p == pytest.approx(wanted)


def test_ranks_of_exchangeable_people_are_uniform():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        data = rng.standard_normal((20, 30)) ** 3  # far from normal: the rank does not care
        found = left_out(data, np.ones((20, 1)))
        each = extremes(found.t, found.dof)
        p = p_by_rank(each[19, 0], each[:19])["higher"]
        hits += bool(p <= 0.05)
    assert stats.binomtest(hits, 400, 0.05).pvalue > 0.001


def test_residuals_follow_from_left_out_t(people):
    data, _ = people
    labels = ["a"] * 7 + ["b"] * 8
    own = two_sample(labels, "a", "b")
    found = left_out(data, own.matrix)
    wanted = np.stack(list(standardised_residuals(data, own)))
    made = standardised(found.t, found.dof, leverages(own.matrix))
    np.testing.assert_allclose(made, wanted, rtol=1e-9)


def test_rows_that_do_not_match_are_refused(people):
    data, matrix = people
    with pytest.raises(UserError, match="15 rows of data for a model of"):
        left_out(data, matrix[:-1])
