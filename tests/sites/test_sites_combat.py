"""ComBat against neuroHarmonize, and what must not change it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.errors import UserError
from rt1t2_dask.sites.combat import harmonise, join, require_people, shrink, standardise
from rt1t2_dask.sites.diagnostics import site_variance
from rt1t2_dask.sites.splines import spline_columns
from rt1t2_dask.sites.sufficient import accumulate

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
    with pytest.raises(UserError, match="3 different values"):
        spline_columns(np.repeat([1.0, 2, 3], 5), df)
