"""Percent of a baseline, of a logarithm, and none where zero lies among the values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.stats.scale import Scale


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100))
def test_the_ratio_and_its_logarithm_tell_one_percent(first, second, gain):
    """Of one pair of values: the same figure on both scales, and whatever the gain."""
    on_ratio = Scale.RATIO.percent(gain * (first - second), gain * second)
    on_log = Scale.LOG.percent(np.log(first) - np.log(second), np.nan)
    assert on_ratio == pytest.approx(100 * (first / second - 1), rel=1e-6, abs=1e-6)
    assert on_log == pytest.approx(on_ratio, rel=1e-6, abs=1e-6)


def test_no_percent_of_nothing_and_of_signed_values():
    effect = np.array([-0.1, 0.2, 0.3, np.nan])
    baseline = np.array([0.5, 0.0, -1.0, 1.0])
    np.testing.assert_allclose(Scale.RATIO.percent(effect, baseline), [-20, *[np.nan] * 3])
    assert np.isnan(Scale.SIGNED.percent(effect, baseline)).all()
    assert not Scale.SIGNED.has_percent
    assert Scale.LOG.has_percent


def test_shapes_follow_numpy():
    assert Scale.RATIO.percent(np.ones((3, 4)), np.arange(1, 5)).shape == (3, 4)
    assert Scale("log").percent(0.1, 0).shape == ()
