"""Meta-analysis against statsmodels, and what its parts mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.sites.meta import combine, leave_one_out, widened


def draw(seed, sites=4, voxels=5):
    rng = np.random.default_rng(seed)
    errors = rng.uniform(0.05, 0.3, (sites, voxels))
    return rng.normal(-0.2, 0.2, (sites, voxels)) + errors * rng.normal(size=errors.shape), errors


@pytest.mark.parametrize("method", ["fixed", "random"])
def test_equal_to_statsmodels(method):
    from statsmodels.stats.meta_analysis import combine_effects

    effects, errors = draw(0)
    found = combine(effects, errors, method)
    for v in range(effects.shape[1]):
        known = combine_effects(effects[:, v], errors[:, v] ** 2, method_re="chi2")
        varies = method == "random" and known.tau2 > 0  # it does not cut a negative variance
        mean, sd = (
            (known.mean_effect_re, known.sd_eff_w_re)
            if varies
            else (known.mean_effect_fe, known.sd_eff_w_fe)
        )
        assert found.effect[v] == pytest.approx(mean)
        assert found.se[v] == pytest.approx(sd)
        assert found.z[v] == pytest.approx(mean / sd)
        assert found.q[v] == pytest.approx(known.q)
        assert found.p_q[v] == pytest.approx(known.test_homogeneity().pvalue)
        assert found.i2[v] == pytest.approx(max(known.i2, 0))
        if method == "random":
            assert found.tau2[v] == pytest.approx(max(known.tau2, 0))


@given(seed=st.integers(0, 1000), shift=st.floats(-3, 3), scale=st.floats(0.01, 100))
def test_units_do_not_matter(seed, shift, scale):
    effects, errors = draw(seed)
    one, other = combine(effects, errors), combine(effects * scale, errors * scale)
    np.testing.assert_allclose(one.z, other.z, rtol=1e-9)
    np.testing.assert_allclose(one.i2, other.i2, rtol=1e-7, atol=1e-9)
    moved = combine(effects + shift, errors)
    np.testing.assert_allclose(moved.effect, one.effect + shift, rtol=1e-7, atol=1e-9)


def test_a_site_without_the_voxel_is_left_out():
    effects, errors = draw(1)
    effects[0, 0] = np.nan
    errors[1:, 1] = np.nan
    found = combine(effects, errors)
    assert found.sites.tolist() == [3, 1, 4, 4, 4]
    assert np.isnan(found.z[1])
    assert found.z[0] == pytest.approx(combine(effects[1:], errors[1:]).z[0])


def test_leave_one_site_out():
    effects, errors = draw(2)
    left = leave_one_out(effects, errors)
    np.testing.assert_allclose(left[1], combine(effects[[0, 2, 3]], errors[[0, 2, 3]]).z)
    assert np.isnan(leave_one_out(effects[:2], errors[:2])).all()
    with pytest.raises(UserError, match="at least 2 sites"):
        combine(effects[:1], errors[:1])


def test_each_sites_error_is_that_of_the_z_of_its_t():
    effects, errors = draw(5)
    effects[0, 0], effects[1, 1] = 0.0, np.nan
    dof = np.random.default_rng(0).uniform(3.5, 30, effects.shape)
    wide = widened(effects, errors, dof)
    known = np.isfinite(effects)
    p = stats.t.sf(effects[known] / errors[known], dof[known])
    np.testing.assert_allclose(effects[known] / wide[known], stats.norm.isf(p), rtol=1e-6)
    near = widened(effects[:1, :1] + 1e-6, errors[:1, :1], dof[:1, :1])
    assert wide[0, 0] == pytest.approx(near[0, 0], rel=1e-4)
    assert np.isnan(wide[1, 1])
    assert (wide[known] > errors[known]).all()
    found = combine(effects, errors, "fixed", dof)
    np.testing.assert_allclose(found.z, combine(effects, wide, "fixed").z, rtol=1e-12)
    many = combine(effects, errors, "fixed", np.full(effects.shape, 1e7))
    np.testing.assert_allclose(many.z, combine(effects, errors, "fixed").z, rtol=1e-5)


def test_five_sites_take_hartung_and_knapp_and_four_do_not():
    from statsmodels.stats.meta_analysis import combine_effects

    effects, errors = draw(3, sites=6, voxels=40)
    effects[5, 0] = effects[4, 1] = effects[5, 1] = np.nan
    found = combine(effects, errors)
    four = combine(effects[:4, 1:2], errors[:4, 1:2])
    assert found.z[1] == pytest.approx(four.z[0])
    assert found.z[1] == pytest.approx(found.effect[1] / found.se[1])
    for v in (0, *range(2, 40)):
        there = np.isfinite(effects[:, v])
        known = combine_effects(effects[there, v], errors[there, v] ** 2, method_re="chi2")
        if known.tau2 <= 0:
            continue
        assert found.se[v] == pytest.approx(known.sd_eff_w_re_hksj)
        p = stats.t.sf(known.mean_effect_re / known.sd_eff_w_re_hksj, there.sum() - 1)
        assert stats.norm.sf(found.z[v]) == pytest.approx(p)
    fixed = combine(effects, errors, "fixed")
    np.testing.assert_allclose(fixed.z, fixed.effect / fixed.se)


def test_few_people_at_few_sites_keep_the_rate():
    """3 sites of 5 + 5 people: of 200,000 null voxels, 15 in 1,000 by z, 1 by the z of t."""
    rng = np.random.default_rng(0)
    groups = rng.standard_normal((3, 2, 5, 200_000))
    effects = groups.mean(axis=2)[:, 0] - groups.mean(axis=2)[:, 1]
    errors = np.sqrt(groups.var(axis=2, ddof=1).mean(axis=1) * 2 / 5)
    dof = np.full(effects.shape, 8.0)
    for method, most in (("random", 0.0013), ("fixed", 0.0018)):
        p = 2 * stats.norm.sf(np.abs(combine(effects, errors, method, dof).z))
        assert 0.0007 < (p < 0.001).mean() < most
        bare = 2 * stats.norm.sf(np.abs(combine(effects, errors, method).z))
        assert (bare < 0.001).mean() > 0.004
