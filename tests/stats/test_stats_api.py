"""The public functions on arrays and on xarray."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import rt1t2_dask.stats
from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import anova, contrast, paired, two_sample

LABELS = ["a"] * 6 + ["b"] * 7 + ["c"] * 6


def test_the_example_in_the_documentation():
    assert doctest.testmod(rt1t2_dask.stats).failed == 0


def test_arrays_of_any_shape_are_scipys():
    maps = np.random.default_rng(0).normal(size=(19, 4, 5, 6))
    found = contrast(maps, two_sample(LABELS, "a", "b"))
    np.testing.assert_allclose(found["t"], stats.ttest_ind(maps[:6], maps[6:13]).statistic)
    assert np.all(found["g_low"] < found["g_high"])
    several = contrast(maps, anova(LABELS, ["a", "b", "c"]))
    expected = stats.f_oneway(maps[:6], maps[6:13], maps[13:]).statistic
    np.testing.assert_allclose(several["F"], expected)
    assert "t" not in several
    np.testing.assert_allclose(several["partial_eta2"], 2 * expected / (2 * expected + 16))
    assert np.all(several["partial_eta2_low"] <= several["partial_eta2_high"])


def test_xarray_keeps_its_dimensions_and_coordinates():
    maps = xr.DataArray(
        np.random.default_rng(0).normal(size=(12, 3, 4)),
        dims=("person", "y", "x"),
        coords={"x": [10.0, 12.0, 14.0, 16.0], "person": [f"p{k}" for k in range(12)]},
    )
    found = contrast(maps, paired(["a", "b"] * 6, "a", "b", [k // 2 for k in range(12)]))
    assert found["t"].dims == ("y", "x")
    assert found["x"].values.tolist() == [10.0, 12.0, 14.0, 16.0]
    expected = stats.ttest_rel(maps[0::2], maps[1::2]).statistic
    np.testing.assert_allclose(found["t"], expected)


@pytest.mark.parametrize("variance", ["welch", "spm_unequal"])
def test_unequal_variances(variance):
    rng = np.random.default_rng(1)
    maps = rng.normal(5, 1, size=(19, 400))
    maps[:6] *= 2
    found = contrast(maps, two_sample(LABELS, "a", "b"), variance)
    test = stats.ttest_ind(maps[:6], maps[6:13], equal_var=False)
    if variance == "welch":
        np.testing.assert_allclose(found["t"], test.statistic)
        np.testing.assert_allclose(found["dof"], test.df)
    else:  # one ratio of variances for all voxels: 4
        assert np.corrcoef(found["t"], test.statistic)[0, 1] > 0.9
        ratio = (found["se"] / found["effect"] * found["t"]).to_numpy()
        np.testing.assert_allclose(ratio, 1.0)


def test_too_few_maps_are_refused():
    with pytest.raises(UserError, match="13 or more participants"):
        contrast(np.ones((5, 3)), two_sample(LABELS, "a", "b"))
