"""Permutation tests of arrays, against every relabeling counted by scipy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage, stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import contrast, permutation_test, two_sample
from rt1t2_dask.stats.permutation.pareto import fit_tail

SHAPE, SIZE, FORMING = (7, 8, 6), 4, 0.05
GROUPS = ["a"] * SIZE + ["b"] * SIZE
HEIGHT = stats.t.isf(FORMING, 2 * SIZE - 2)
TOUCHING = ndimage.generate_binary_structure(3, 2)


def _maps() -> np.ndarray:
    noise = np.random.default_rng(4).normal(size=(2 * SIZE, *SHAPE))
    maps = ndimage.gaussian_filter(noise, (0, 0.8, 0.8, 0.8))
    maps[:SIZE, 2:5, 2:5, 2:5] -= 0.6
    return maps


def _largest(t: np.ndarray) -> tuple[float, float, float]:
    """Largest |t|, extent and mass of one map, by scipy."""
    extents, masses = [0.0], [0.0]
    for side in (t, -t):
        labels, count = ndimage.label(side > HEIGHT, TOUCHING)
        for k in range(1, count + 1):
            extents.append(float((labels == k).sum()))
            masses.append(float((side - HEIGHT)[labels == k].sum()))
    return float(np.abs(t).max()), max(extents), max(masses)


def test_every_relabeling_of_two_small_groups_is_scipys():
    maps = _maps()
    found = permutation_test(
        maps, two_sample(GROUPS, "a", "b"), statistics=("extent", "mass"), forming_p=FORMING
    )
    everybody, tops = set(range(2 * SIZE)), []
    for chosen in combinations(range(2 * SIZE), SIZE):
        other = sorted(everybody - set(chosen))
        tops.append(_largest(stats.ttest_ind(maps[list(chosen)], maps[other]).statistic))
    assert found.attrs["n"] == len(tops) - 1 == 69
    observed = stats.ttest_ind(maps[:SIZE], maps[SIZE:]).statistic
    np.testing.assert_allclose(found["statistic"], observed, rtol=2e-4, atol=2e-5)
    null = np.array(tops)
    expected = (null[:, 0][:, None] >= np.abs(observed).ravel() * (1 - 4e-6)).mean(axis=0)
    np.testing.assert_allclose(found["p_fwe"].to_numpy().ravel(), expected)
    labels, _ = ndimage.label(-observed > HEIGHT, TOUCHING)
    place = labels[3, 3, 3]
    assert place > 0
    extent = (labels == place).sum()
    mass = (-observed - HEIGHT)[labels == place].sum()
    assert found["p_fwe_extent"][3, 3, 3] == pytest.approx((null[:, 1] >= extent).mean())
    assert found["p_fwe_mass"][3, 3, 3] == pytest.approx((null[:, 2] >= mass * (1 - 1e-5)).mean())
    np.testing.assert_array_equal(np.isnan(found["p_fwe_mass"]), np.abs(observed) <= HEIGHT)


def test_xarray_keeps_its_coordinates_and_untested_voxels_stay_empty():
    maps = xr.DataArray(_maps(), dims=("person", "x", "y", "z"), coords={"x": np.arange(7) * 2.0})
    maps[1:, 0] = np.nan
    design = two_sample(GROUPS, "a", "b")
    found = permutation_test(maps, design, n=40, seed=3, statistics=("tfce",))
    again = permutation_test(maps, design, n=40, seed=3, statistics=("tfce",))
    xr.testing.assert_identical(found, again)
    assert found["tfce"].dims == ("x", "y", "z") and found["x"].values[-1] == 12.0
    assert bool(found["p_fwe_tfce"][0].isnull().all())
    assert bool((found["p_fwe_tfce"][1:] <= 1).all())
    reached = (found["null_tfce"] >= np.abs(found["tfce"]) * (1 - 4e-6)).sum("relabeling")
    xr.testing.assert_allclose(found["p_fwe_tfce"][1:], ((reached + 1) / 41)[1:])


def test_a_fitted_tail_changes_only_small_p():
    maps = np.random.default_rng(2).normal(size=(31, 400))
    maps[:15, 0] -= 3
    maps[:15, 1:9] -= 1.3
    design = two_sample(["a"] * 15 + ["b"] * 16, "a", "b")
    counted, fitted = (permutation_test(maps, design, n=1000, pareto_tail=t) for t in (False, True))
    large = counted["p_fwe"] > 0.3
    xr.testing.assert_identical(fitted["p_fwe"][large], counted["p_fwe"][large])
    tail = fit_tail(counted["null_max_t"].to_numpy())
    assert counted["p_fwe"][0].item() == pytest.approx(1 / 1001)
    assert (fitted["p_fwe"][0].item() < 1 / 1001) == (tail.shape <= 0)
    assert float(np.abs(fitted["p_fwe"] - counted["p_fwe"]).max()) > 0
    with pytest.raises(UserError, match="n=500"):
        permutation_test(maps, design, n=500, pareto_tail=True)


@pytest.mark.parametrize("variance", ["welch", "spm_unequal"])
def test_the_statistic_is_that_of_the_contrast(variance):
    maps = np.random.default_rng(1).normal(5, 1, size=(15, 60))
    maps[:7] += 2 * (maps[:7] - 5)
    design = two_sample(["a"] * 7 + ["b"] * 8, "a", "b")
    found = permutation_test(maps, design, n=20, variance=variance)
    fitted = contrast(maps, design, variance)
    dof = found["statistic"].to_numpy()
    z = stats.norm.isf(stats.t.sf(np.abs(dof), 13)) * np.sign(dof)
    np.testing.assert_allclose(z, fitted["z"], rtol=3e-3, atol=2e-3)


def test_what_cannot_be_is_said_in_one_line():
    maps = np.ones((8, 30))
    design = two_sample(GROUPS, "a", "b")
    with pytest.raises(UserError, match="need"):
        permutation_test(maps, design, statistics=("tfce",))
    with pytest.raises(UserError, match="choose from"):
        permutation_test(maps, design, statistics=("size",))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no voxel"):
        permutation_test(np.full((8, 30), np.nan), design)


@pytest.mark.parametrize("variance", ["equal", "welch"])
def test_a_statistic_of_exactly_nothing_has_p_of_one(variance):
    """Means that are equal to the bit leave rounding in the product, and p = 1 all the same."""
    maps = np.random.default_rng(0).normal(size=(20, 60))
    maps[:, 1] = np.tile([1.0, 2.0], 10)
    maps[:, 2] = np.tile([0.1, 0.7], 10)
    maps[1:9, 3], maps[0, 3] = np.tile([1.1, 2.3], 4), np.nan
    maps[9, 3], maps[10:, 3] = 1.7, np.tile([1.1, 2.3], 5)
    groups = ["a"] * 10 + ["b"] * 10
    found = permutation_test(maps, two_sample(groups, "a", "b"), n=199, variance=variance)
    assert np.abs(found["statistic"][1:4]).max() < 1e-5
    np.testing.assert_array_equal(found["p"][1:4], 1.0)
    np.testing.assert_array_equal(found["p_fwe"][1:4], 1.0)
    few = permutation_test(
        maps[:6, 1:3], two_sample(["a", "a", "b", "b", "a", "a"], "a", "b"),
        n=199, variance=variance, min_group_n=2,
    )  # fmt: skip
    assert few.attrs["n"] < 199
    np.testing.assert_array_equal(few["p"], 1.0)
