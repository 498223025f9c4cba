"""Spatial nulls: what they keep, and how often they call chance an effect."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.stats import multivariate_normal

from rt1t2_dask import atlas
from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.correlation import fisher_z, p_value, partial_correlation
from rt1t2_dask.receptors.maps import THE_17, shipped_means
from rt1t2_dask.receptors.spatial import surrogates as nulls
from rt1t2_dask.receptors.spatial.field import Field, fit, free_part, standardise
from rt1t2_dask.receptors.spatial.space import of_regions
from rt1t2_dask.receptors.spatial.variogram import compare, variogram

REGIONS = atlas.regions()[lambda table: table["grey"]]
XYZ = REGIONS[["x_mm", "y_mm", "z_mm"]].to_numpy()
SPACE = of_regions(REGIONS)
METHODS = ["moran", "variogram"]


def smooth_maps(rng, n: int, reach_mm: float = 30.0, contrast: float = 1.5):
    """Simulate n maps: alike left and right, smooth, and apart between tissues (simulated)."""
    near, across = (np.exp(-d / reach_mm) for d in (SPACE.distance, SPACE.mirrored))
    root = np.linalg.cholesky(near + across + 0.09 * (near - across) + 1e-9 * np.eye(len(XYZ)))
    maps = rng.normal(size=(n, len(XYZ))) @ root.T
    for structure in ("cortex", "subcortex", "cerebellum"):
        maps[:, REGIONS["structure"] == structure] += contrast * rng.normal(size=(n, 1))
    return maps


def test_the_likelihood_is_the_gaussian_restricted_one():
    """The mean profiled out leaves the density of any 118 contrasts, up to one constant."""
    values = smooth_maps(np.random.default_rng(3), 1)
    basis = np.linalg.svd(np.ones((1, 119)))[2][1:]
    fields = [Field(20, 0.3, 0.1, 1.0), Field(40, 1.0, 0.0, 0.0), Field(80, 0.1, 0.3, 4.0)]
    found, expected = [], []
    from rt1t2_dask.receptors.spatial.field import _log_likelihood

    for field in fields:
        covariance = field.covariance(SPACE)
        small, x = basis @ covariance @ basis.T, basis @ values[0]
        level = x @ np.linalg.solve(small, x) / 118
        expected.append(multivariate_normal(np.zeros(118), level * small).logpdf(x))
        found.append(_log_likelihood(values, covariance)[0])
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-6)


def test_what_is_free_is_the_conditional_distribution():
    field = Field(40, 0.3, 0.1, 1.0)
    values = smooth_maps(np.random.default_rng(5), 1)[0]
    free = free_part(values, field, SPACE)
    average = SPACE.averaging
    np.testing.assert_allclose(average @ free.expected, average @ values, atol=1e-9)
    np.testing.assert_allclose(average @ free.basis, 0, atol=1e-9)
    covariance = field.covariance(SPACE)
    given = covariance @ average.T @ np.linalg.inv(average @ covariance @ average.T) @ average
    rest = free.basis * free.variance @ free.basis.T
    np.testing.assert_allclose(rest, covariance - given @ covariance, atol=1e-7)


def test_the_fit_finds_what_was_simulated():
    rng = np.random.default_rng(7)
    truth = Field(40, 0.1, 0.3, 0.0)
    root = np.linalg.cholesky(truth.covariance(SPACE))
    fields = fit(rng.normal(size=(40, 119)) @ root.T, SPACE)
    assert np.median([field.nugget for field in fields]) == 0.3
    assert 0.03 <= np.median([field.asymmetry for field in fields]) <= 0.3
    assert 20 <= np.median([field.reach_mm for field in fields]) <= 80


@pytest.mark.heavy
@pytest.mark.parametrize("method", METHODS)
def test_surrogates_keep_mean_and_spread_of_every_structure(method):
    values = shipped_means()["D1_SCH23390_c11"].to_numpy()
    fakes = nulls.surrogates(values, SPACE, 50, seed=1, method=method)
    for k in range(3):
        own, drawn = values[SPACE.structure == k], fakes[:, SPACE.structure == k]
        np.testing.assert_allclose(drawn.mean(axis=1), own.mean(), rtol=1e-9)
        np.testing.assert_allclose(drawn.std(axis=1), own.std(), rtol=1e-9)
    assert len(np.unique(fakes.round(9), axis=0)) == 50


def test_a_structure_that_is_constant_or_single_stays_as_it_is():
    values = shipped_means()["D1_SCH23390_c11"].to_numpy().copy()
    inside = SPACE.structure == 2
    values[inside] = 0.7
    fakes = nulls.surrogates(values, SPACE, 5, seed=1)
    np.testing.assert_allclose(fakes[:, inside], 0.7)
    assert np.isfinite(fakes).all()


@pytest.mark.heavy
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


def test_moran_loadings_differ_in_sign_alone():
    loading = np.random.default_rng(0).normal(size=116)
    drawn = nulls._loadings(loading, np.ones(116), "moran", 0, 0)
    np.testing.assert_array_equal(np.abs(drawn), np.tile(np.abs(loading), (nulls.BATCH, 1)))
    assert 0.45 < (drawn * loading > 0).mean() < 0.55


@pytest.mark.heavy
@pytest.mark.parametrize("method", METHODS)
def test_surrogates_have_the_maps_variogram_and_permutations_have_not(method):
    rng = np.random.default_rng(2)
    values = smooth_maps(rng, 1)[0]
    fakes = nulls.surrogates(values, SPACE, 300, seed=0, method=method)
    permuted = values[rng.permuted(np.tile(np.arange(119), (300, 1)), axis=1)]
    fitted = compare(values, fakes, XYZ)
    assert fitted.error < 0.35 * compare(values, permuted, XYZ).error
    assert ((fitted.low <= fitted.own) & (fitted.own <= fitted.high)).mean() > 0.8


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


@pytest.mark.heavy
@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_surrogates_and_more_of_them_start_alike(method):
    values = shipped_means()["FDOPA_f18"].to_numpy()
    few = nulls.surrogates(values, SPACE, 10, seed=3, method=method)
    many = nulls.surrogates(values, SPACE, nulls.BATCH + 10, seed=3, method=method)
    np.testing.assert_array_equal(few, many[:10])
    assert not np.allclose(many[:10], many[nulls.BATCH : nulls.BATCH + 10])


@pytest.mark.heavy
def test_false_positives_stay_near_five_percent_where_the_naive_p_does_not():
    """200 pairs of independent simulated maps; .05 + 3 standard errors is .096."""
    rng = np.random.default_rng(12)
    first, second = smooth_maps(rng, 200), smooth_maps(rng, 200)
    naive = np.mean(
        [stats.spearmanr(a, b).pvalue <= 0.05 for a, b in zip(first, second, strict=True)]
    )
    assert naive > 0.3
    scales = [standardise(b, SPACE) for b in second]
    fields = fit(np.stack([scale.values for scale in scales]), SPACE)
    for method in METHODS:
        p = []
        for k, (a, b) in enumerate(zip(first, second, strict=True)):
            fakes = nulls.drawn(scales[k], fields[k], SPACE, 199, seed=k, method=method)
            z = fisher_z(partial_correlation(a[None], np.vstack([b, fakes]), None))[0]
            p.append(p_value(z[:1], z[1:, None])[0])
        assert np.mean(np.array(p) <= 0.05) <= 0.096


@pytest.mark.heavy
def test_a_true_match_is_found():
    rng = np.random.default_rng(5)
    maps = smooth_maps(rng, 2)
    patients = maps[:1] + 0.5 * rng.normal(size=(10, 119))
    found = nulls.spatial_null(patients, maps, None, SPACE, n=999, seed=0)
    assert found.p[0] < 0.01
    assert (found.p_fwe >= found.p).all()


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["spearman", "regression"])
def test_no_bit_of_the_null_depends_on_how_many_are_asked_for(kind):
    rng = np.random.default_rng(8)
    maps, rows = smooth_maps(rng, 2), rng.normal(size=(7, 119))
    few = nulls.spatial_null(rows, maps, None, SPACE, n=30, kind=kind)
    many = nulls.spatial_null(rows, maps, None, SPACE, n=nulls.BATCH + 30, kind=kind)
    np.testing.assert_array_equal(few.null, many.null[:30])


@pytest.mark.heavy
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
