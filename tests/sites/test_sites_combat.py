"""ComBat against neuroHarmonize, and what must not change it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.sites.balance import explained_membership
from rt1t2_dask.sites.combat import harmonise, join, require_people, shrink, standardise
from rt1t2_dask.sites.diagnostics import site_variance
from rt1t2_dask.sites.splines import spline_columns
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.glm.sufficient import accumulate

TABLE = Path(__file__).parent.parent / "reference" / "neuroharmonize.tsv"
SITES = ("a", "b", "c")


def table(what):
    rows = pd.read_csv(TABLE, sep="\t")
    rows = rows[rows["what"] == what]
    covariates = rows[["age", "patient"]].to_numpy(float)
    return rows["site"].to_numpy(), covariates, rows.filter(like="x").to_numpy(float)


def sums(site, covariates, data):
    design = np.column_stack([np.ones(len(data)), covariates])
    return [accumulate(data[site == s], design[site == s]) for s in np.unique(site)]


def harmonised(site, covariates, data, reference=None):
    model = shrink(standardise(sums(site, covariates, data), reference), reference)
    out = np.empty_like(data)
    for k, name in enumerate(np.unique(site)):
        rows = site == name
        out[rows] = model.apply(data[rows], k, covariates[rows])
    return out


@pytest.mark.parametrize(("what", "reference"), [("combat", None), ("combat_reference_b", 1)])
def test_equal_to_neuroharmonize(what, reference):
    site, covariates, data = table("raw")
    wanted = table(what)[2]
    assert np.abs(wanted - data).max() > 0.1
    np.testing.assert_allclose(harmonised(site, covariates, data, reference), wanted, atol=2e-8)


@pytest.mark.parametrize("block", [7, 1000])
def test_in_place_by_blocks_is_the_same(block):
    site, covariates, data = table("raw")
    found = data.copy()
    model = harmonise(found, site, covariates, reference="b", block=block)
    np.testing.assert_allclose(found, harmonised(site, covariates, data, 1), rtol=1e-12)
    assert not model.gamma[1].any()


def test_blocks_change_nothing():
    site, covariates, data = table("raw")
    whole = standardise(sums(site, covariates, data))
    index = [np.arange(0, 7), np.arange(7, 30)]
    parts = [standardise(sums(site, covariates, data[:, i])) for i in index]
    joined = join(parts, index)
    for name, values in vars(whole).items():
        np.testing.assert_allclose(getattr(joined, name), values, rtol=1e-12, err_msg=name)


def test_the_reference_site_stays_as_it_is():
    site, covariates, data = table("raw")
    found = harmonised(site, covariates, data, reference=2)
    np.testing.assert_allclose(found[site == "c"], data[site == "c"], rtol=1e-12)
    assert np.abs(found[site == "a"] - data[site == "a"]).max() > 0.1


def test_a_missing_value_is_one_persons_and_leaves_the_rest():
    site, covariates, data = table("raw")
    holes = data.copy()
    holes[[3, 20], 4] = np.nan
    found = harmonised(site, covariates, holes)
    assert np.argwhere(np.isnan(found)).tolist() == [[3, 4], [20, 4]]
    others = np.delete(np.arange(30), 4)
    np.testing.assert_allclose(
        found[:, others], harmonised(site, covariates, data)[:, others], atol=5e-3
    )
    few = data.copy()
    few[np.flatnonzero(site == "c")[1:], 4] = np.nan
    assert np.isnan(harmonised(site, covariates, few)[site == "c", 4]).all()


@pytest.mark.parametrize("value", [0.1, 1.7, 1e-4, 3e5])
def test_a_constant_voxel_is_found_at_the_precision_of_its_values(value):
    """Its sums are not 0 by rounding, and it must not reach the other voxels' priors."""
    site, covariates, data = table("raw")
    last_digit = np.random.default_rng(0).integers(-1, 2, len(data)) * np.spacing(np.float32(value))
    more = np.column_stack([data, np.full(len(data), value), np.float32(value) + last_digit])
    found = harmonised(site, covariates, more)
    assert np.isnan(found[:, 30:]).all()
    np.testing.assert_allclose(found[:, :30], harmonised(site, covariates, data), rtol=1e-12)
    assert np.isnan(site_variance(sums(site, covariates, more)).share[30:]).all()


def test_a_site_without_variance_at_a_voxel_is_left_out_there():
    site, covariates, data = table("raw")
    data[site == "b", 3] = 0.7
    found = harmonised(site, covariates, data)
    assert np.isnan(found[site == "b", 3]).all()
    assert np.isfinite(np.delete(found, 3, axis=1)).all()
    assert np.isfinite(found[site != "b", 3]).all()


def test_site_goes_and_the_covariates_stay():
    rng = np.random.default_rng(3)
    n, voxels = 150, 200
    site = np.repeat(SITES, n // 3)
    age, patient = rng.uniform(20, 80, n), np.tile([1.0, 0], n // 2)
    covariates = np.column_stack([age, patient])
    clean = 1.5 + 0.08 * rng.normal(size=(n, voxels)) - 0.002 * age[:, None]
    clean -= 0.1 * patient[:, None]
    scale = {"a": 1.0, "b": 1.4, "c": 0.7}
    data = np.stack([scale[s] * row + 0.3 * (s == "b") for s, row in zip(site, clean, strict=True)])
    found = harmonised(site, covariates, data)
    before = site_variance(sums(site, covariates, data))
    after = site_variance(sums(site, covariates, found))
    assert np.median(before.share) > 0.8
    assert np.median(after.share) < 0.05
    assert np.nanmedian(after.span) < 0.05 * np.nanmedian(before.span)
    effect = found[patient == 1].mean(axis=0) - found[patient == 0].mean(axis=0)
    assert effect.mean() == pytest.approx(-0.1 * np.mean(list(scale.values())), abs=0.02)
    full = np.column_stack([*(site == s for s in SITES), covariates]).astype(float)
    residual = found - full @ np.linalg.lstsq(full, found, rcond=None)[0]
    spread = [residual[site == s].std(axis=0).mean() for s in SITES]
    assert max(spread) / min(spread) < 1.15


def test_site_variance_is_the_partial_r2_of_least_squares():
    site, covariates, data = table("raw")
    full = np.column_stack([*(site == s for s in SITES), covariates]).astype(float)
    small = np.column_stack([np.ones(len(site)), covariates])
    rss = [
        ((data - m @ np.linalg.lstsq(m, data, rcond=None)[0]) ** 2).sum(0) for m in (full, small)
    ]
    means = np.linalg.lstsq(full, data, rcond=None)[0][:3]
    found = site_variance(sums(site, covariates, data))
    np.testing.assert_allclose(found.share, 1 - rss[0] / rss[1], rtol=1e-9)
    np.testing.assert_allclose(found.span, np.ptp(means, axis=0), rtol=1e-9)


def test_small_sites_and_confounded_covariates_are_refused():
    with pytest.raises(UserError, match=r"site north has 4 people.*5 or more"):
        require_people({"south": 12, "north": 4})
    with pytest.raises(UserError, match="two sites"):
        require_people({"south": 12})
    site, covariates, data = table("raw")
    confounded = np.column_stack([covariates, site == "a"])
    with pytest.raises(UserError, match="combination of the others and the sites"):
        standardise(sums(site, confounded, data))


@pytest.mark.parametrize("df", [4, 5, 10])
def test_splines_are_those_of_statsmodels(df):
    from statsmodels.gam.api import BSplines

    ages = np.random.default_rng(1).uniform(20, 80, 60)
    wanted = BSplines(ages[:, None], df=[df], degree=[3]).basis
    np.testing.assert_allclose(spline_columns(ages, df), wanted, atol=1e-12)
    with pytest.raises(UserError, match="3 distinct values"):
        spline_columns(np.repeat([1.0, 2, 3], 5), df)


@given(counts=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=2, max_size=5))
def test_imbalance_is_the_square_of_cramers_v_and_the_variance_inflation(counts):
    site = [f"s{k}" for k, pair in enumerate(counts) for _ in range(sum(pair))]
    first = [k < pair[0] for pair in counts for k in range(sum(pair))]
    found = explained_membership(site, first)
    assert found == pytest.approx(stats.contingency.association(np.array(counts)) ** 2, abs=1e-9)
    own = np.array(first, float)
    columns = np.column_stack([own, *(np.array(site) == s for s in sorted(set(site)))])
    squared_error = np.linalg.inv(columns.T @ columns)[0, 0]
    assert squared_error * len(own) * own.var() == pytest.approx(1 / (1 - found))


def rates(layout, studies=15, voxels=1000):
    """Shares of null voxels at p < .05 after ComBat, without and with the site in the model."""
    site = np.array([f"s{k}" for k, pair in enumerate(layout) for _ in range(sum(pair))])
    group = ["p" if k < pair[0] else "c" for pair in layout for k in range(sum(pair))]
    own = np.array([g == "p" for g in group], float)[:, None]
    found = []
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        gain = dict(zip(sorted(set(site)), rng.lognormal(0, 0.05, len(layout)), strict=True))
        data = np.array([gain[s] for s in site])[:, None] * rng.normal(
            1.5, 0.08, (len(site), voxels)
        )
        harmonise(data, site.tolist(), own)
        for table in (None, pd.DataFrame({"site": site})):
            result = fit(data, two_sample(group, "p", "c", table))
            found.append((2 * stats.t.sf(np.abs(result.t), result.dof) < 0.05).mean())
    return np.mean(np.reshape(found, (studies, 2)), axis=0)


def test_the_site_in_the_model_keeps_the_rate_after_combat():
    without, kept = rates([(1, 9), (9, 1)] * 2)
    assert without > 0.12
    assert 0.04 < kept < 0.065
    assert 0.04 < rates([(5, 5)] * 4)[1] < 0.062


@pytest.mark.parametrize("reference", [None, 1])
def test_sums_after_harmonisation_follow_from_those_before(reference):
    site, covariates, data = table("raw")
    data = data.copy()
    data[np.random.default_rng(1).random(data.shape) < 0.05] = np.nan
    data[site == "a", 0] = np.nan
    before = sums(site, covariates, data)
    model = shrink(standardise(before, reference), reference)
    wanted = sums(site, covariates, harmonised(site, covariates, data, reference))
    for k, own in enumerate(wanted):
        found = model.of_sums(before[k], k)
        np.testing.assert_array_equal(found.people, own.people)
        np.testing.assert_allclose(found.cross, own.cross, rtol=1e-10)
        np.testing.assert_allclose(found.squares, own.squares, rtol=1e-10)
