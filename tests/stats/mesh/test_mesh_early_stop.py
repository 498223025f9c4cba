"""A test on a mesh that stops early: the first relabelings of the whole, and sequential p."""

from __future__ import annotations

import numpy as np
import pytest
import stat_meshes as meshes

from rt1t2_dask.stats import permutation_test
from rt1t2_dask.stats.clusters.sequential import BATCH
from rt1t2_dask.stats.design import two_sample

ALL = ("extent", "mass", "tfce")
DESIGN = two_sample(["a"] * 7 + ["b"] * 8, "a", "b")
KNOWN = {"n": 1200, "seed": 5, "forming_p": 0.05}
NAMES = ("max_t", *ALL)


def found(effect: float, **more):
    mesh, points = meshes.two_spheres(42)
    rng = np.random.default_rng(2)
    data = rng.normal(1.5, 0.1, (15, mesh.vertices)).astype(np.float32)
    data[:7, points[:, 0] > 60] += np.float32(effect)
    return permutation_test(data, DESIGN, mesh=mesh, statistics=ALL, **KNOWN, **more)


def test_without_an_effect_it_stops_with_the_first_relabelings_of_the_whole():
    whole, early = found(0.0), found(0.0, early_stop=8)
    n = early.attrs["n"]
    assert n % BATCH == 0 and n < 1200 == whole.attrs["n"]
    for name in NAMES:
        null = early[f"null_{name}"].to_numpy()
        np.testing.assert_array_equal(null, whole[f"null_{name}"].to_numpy()[:n])
    np.testing.assert_array_equal(early["statistic"], whole["statistic"])
    counted = (early["p"].to_numpy() * (n + 1)).round()
    assert np.nanmin(counted) >= 1 and np.nanmax(early["p"]) <= 1


@pytest.mark.parametrize("enough", [3, 40])
def test_sequential_p_are_of_besag_and_clifford(enough):
    early, whole = found(0.0, early_stop=enough), found(0.0)
    top = np.nanmin(whole["p_fwe_tfce"])
    null = whole["null_tfce"].to_numpy()
    observed = np.nanmax(np.abs(whole["tfce"]))
    at = np.flatnonzero(null >= observed * (1 - 1e-6))
    assert early.attrs["p_sequential_tfce"] == pytest.approx(enough / (at[enough - 1] + 1))
    assert top == pytest.approx((len(at) + 1) / 1201)


def test_with_an_effect_every_relabeling_is_run():
    whole, early = found(0.6), found(0.6, early_stop=8)
    assert early.attrs["n"] == 1200
    for key in whole:
        np.testing.assert_array_equal(early[key], whole[key])
    for name, key in (("max_t", "p_fwe"), ("tfce", "p_fwe_tfce")):
        p = float(np.nanmin(whole[key]))
        assert p < 8 / 1201
        assert early.attrs[f"p_sequential_{name}"] == pytest.approx(p)
