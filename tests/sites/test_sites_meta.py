"""Meta-analysis against statsmodels, and what its parts mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.errors import UserError
from rt1t2_dask.sites.meta import combine, leave_one_out


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
    with pytest.raises(UserError, match="2 sites or more"):
        combine(effects[:1], errors[:1])
