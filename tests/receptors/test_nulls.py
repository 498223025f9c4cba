"""Spatial nulls: what they keep, and how often they call chance an effect."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rt1t2_dask import atlas
from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors import nulls
from rt1t2_dask.receptors.maps import THE_17, shipped_means
from rt1t2_dask.receptors.space import folded, plain
from rt1t2_dask.receptors.variogram import variogram

REGIONS = atlas.regions()[lambda table: table["grey"]]
XYZ = REGIONS[["x_mm", "y_mm", "z_mm"]].to_numpy()
SPACE = folded(REGIONS)
METHODS = ["moran", "variogram"]


def smooth_maps(rng, n: int, reach_mm: float = 30.0, contrast: float = 1.5):
    """Simulate n maps: alike left and right, smooth, and apart between tissues (simulated)."""
    distance = np.linalg.norm(XYZ[:, None] - XYZ[None], axis=-1)
    root = np.linalg.cholesky(np.exp(-distance / reach_mm) + 1e-9 * np.eye(len(XYZ)))
    parts = SPACE.split @ (root @ rng.normal(size=(len(XYZ), n)))
    parts[SPACE.families[1].index] *= 0.3
    maps = (SPACE.join @ parts).T
    for structure in ("cortex", "subcortex", "cerebellum"):
        maps[:, REGIONS["structure"] == structure] += contrast * rng.normal(size=(n, 1))
    return maps


def test_a_map_is_split_into_symmetry_and_difference():
    values = np.random.default_rng(0).normal(size=119)
    np.testing.assert_allclose(SPACE.join @ (SPACE.split @ values), values, atol=1e-12)
    by_name = dict(zip(REGIONS["name"], values, strict=True))
    parts = SPACE.split @ values
    left, right = by_name["Left Thalamus Proper"], by_name["Right Thalamus Proper"]
    assert np.isclose(parts, (left + right) / 2).any()
    assert np.isclose(parts, (left - right) / 2).any()
    assert np.isclose(parts, by_name["Cerebellar Vermal Lobules I-V"]).any()
    assert [len(family.index) for family in SPACE.families] == [61, 58]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("space", [SPACE, plain(XYZ, list(REGIONS["structure"]))])
def test_surrogates_keep_mean_and_spread_of_every_structure(method, space):
    values = shipped_means()["D1_SCH23390_c11"].to_numpy()
    drawn = nulls.surrogates(values, space, 50, seed=1, method=method)
    for family in space.families:
        parts = drawn @ space.split.T[:, family.index]
        mean, spread = family.moments((space.split @ values)[None, family.index])
        found_mean, found_spread = family.moments(parts)
        np.testing.assert_allclose(found_mean, np.tile(mean, (50, 1)), atol=1e-9)
        np.testing.assert_allclose(found_spread, np.tile(spread, (50, 1)), atol=1e-9)
    assert len(np.unique(drawn.round(9), axis=0)) == 50


@pytest.mark.parametrize("method", METHODS)
def test_surrogates_are_as_symmetric_as_the_map(method):
    values = smooth_maps(np.random.default_rng(4), 1)[0]
    drawn = nulls.surrogates(values, SPACE, 200, seed=0, method=method)
    left = (REGIONS["hemisphere"] == "left").to_numpy()
    order = REGIONS["name"].str.replace(r"^(Left|Right) ", "", regex=True)
    right = [
        np.flatnonzero((order == order.iloc[i]) & (REGIONS["hemisphere"] == "right"))[0]
        for i in np.flatnonzero(left)
    ]
    likeness = lambda x: np.corrcoef(x[left], x[right])[0, 1]  # noqa: E731
    assert np.median([likeness(x) for x in drawn]) > likeness(values) - 0.1


def test_moran_keeps_the_spectrum_of_the_symmetric_part():
    values = shipped_means()["DAT_DATSPECT"].to_numpy()
    family = SPACE.families[0]
    basis = nulls.moran_basis(family)
    np.testing.assert_allclose(basis.T @ basis, np.eye(58), atol=1e-10)
    np.testing.assert_allclose(family.indicator.T @ basis, 0, atol=1e-9)
    own = family.standard((SPACE.split @ values)[None, family.index])[0]
    rng = np.random.default_rng(0)
    drawn = nulls._moran_surrogates(own, family, 20, rng)
    spectrum = np.tile(np.abs(own @ basis), (20, 1))
    np.testing.assert_allclose(np.abs(drawn @ basis), spectrum, atol=1e-9)


def test_variogram_surrogates_fit_better_than_permutations():
    family = SPACE.families[0]
    rng = np.random.default_rng(2)
    values = smooth_maps(rng, 1)[0]
    own = family.standard((SPACE.split @ values)[None, family.index])[0]
    drawn = nulls.surrogates(values, SPACE, 300, seed=0, method="variogram")
    parts = family.standard(drawn @ SPACE.split.T[:, family.index])
    tool = variogram(family.xyz)
    target = tool.of(own[:, None])[:, 0]
    permuted = own[rng.permuted(np.tile(np.arange(61), (300, 1)), axis=1)]
    fitted_error = np.abs(tool.of(parts.T).mean(axis=1) - target).mean()
    permuted_error = np.abs(tool.of(permuted.T).mean(axis=1) - target).mean()
    assert fitted_error < 0.5 * permuted_error


def test_variogram_counts_half_the_squared_difference():
    rng = np.random.default_rng(0)
    xyz, values = rng.normal(size=(20, 3)), rng.normal(size=20)
    tool = variogram(xyz)
    found = tool.of(values[:, None])[:, 0]
    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=-1)
    near = np.sort(distance[np.triu_indices(20, 1)])[: len(tool.left)]
    step = 3 * (tool.distance_mm[1] - tool.distance_mm[0])
    for k in (0, 12, 24):
        top = bottom = 0.0
        for i in range(20):
            for j in range(i):
                if distance[i, j] <= near[-1]:
                    w = np.exp(-((2.68 * (distance[i, j] - tool.distance_mm[k]) / step) ** 2) / 2)
                    top += w * (values[i] - values[j]) ** 2 / 2
                    bottom += w
        assert found[k] == pytest.approx(top / bottom)
    assert len(tool.left) == pytest.approx(190 / 4, abs=1)


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_surrogates_and_more_of_them_start_alike(method):
    values = shipped_means()["FDOPA_f18"].to_numpy()
    few = nulls.surrogates(values, SPACE, 10, seed=3, method=method)
    many = nulls.surrogates(values, SPACE, nulls.BATCH + 10, seed=3, method=method)
    np.testing.assert_array_equal(few, many[:10])
    assert not np.allclose(many[:10], many[nulls.BATCH : nulls.BATCH + 10])


@pytest.mark.slow
def test_false_positives_stay_near_five_percent_where_the_naive_p_does_not():
    """200 pairs of independent simulated maps; .05 + 3 standard errors is .096."""
    rng = np.random.default_rng(12)
    first, second = smooth_maps(rng, 200), smooth_maps(rng, 200)
    naive = np.mean(
        [stats.spearmanr(a, b).pvalue <= 0.05 for a, b in zip(first, second, strict=True)]
    )
    assert naive > 0.3
    for method in METHODS:
        p = [
            nulls.spatial_null(a[None], b[None], None, SPACE, n=199, seed=k, method=method).p[0]
            for k, (a, b) in enumerate(zip(first, second, strict=True))
        ]
        assert np.mean(np.array(p) <= 0.05) <= 0.096


def test_a_true_match_is_found():
    rng = np.random.default_rng(5)
    maps = smooth_maps(rng, 2)
    patients = maps[:1] + 0.5 * rng.normal(size=(10, 119))
    found = nulls.spatial_null(patients, maps, None, SPACE, n=999, seed=0)
    assert found.p[0] < 0.01
    assert (found.p_fwe >= found.p).all()


def test_missing_regions():
    means = shipped_means()
    maps = means[list(THE_17[:2])].to_numpy().T.copy()
    rows = np.random.default_rng(0).normal(size=(3, 119))
    rows[0, 4] = np.nan
    found = nulls.spatial_null(rows, maps, means["gm_prior"].to_numpy(), SPACE, n=99, seed=0)
    assert np.isfinite(found.p).all()
    maps[1, 7] = np.nan
    found = nulls.spatial_null(rows, maps, None, SPACE, n=99, seed=0)
    assert np.isfinite(found.p[0])
    assert np.isnan(found.p[1])
    with pytest.raises(UserError, match="without missing regions"):
        nulls.surrogates(maps[1], SPACE, 5, seed=0)
