"""What contrasts exclude, from the command line: tables against statsmodels, section, methods."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind
from studies_of_maps import maps_words, write_maps_study

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.pipelines.absence.regions import bounds
from rt1t2_dask.region_columns import region_columns
from rt1t2_dask.stats.absence import bayes_factor
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.permutation.blocks import prepare, run_batch
from rt1t2_dask.stats.permutation.exchange import exchanged, plan
from rt1t2_dask.stats.permutation.null import p_fwe
from rt1t2_dask.stats.scale import Scale

QUICK = (
    "permute.n=0", "receptors.n_permutations=0", "receptors.spatial=none", "report.figures=false",
    "report.mosaics=0", "cluster=synchronous",
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("absence")
    write_maps_study(folder)
    assert command([*maps_words(folder), *QUICK]) == 0
    return folder / "out"


def of_groups(out):
    parcels = pd.read_csv(out / "group" / "parcels.tsv", sep="\t").set_index("participant_id")
    labels = pd.read_csv(out / "participants.tsv", sep="\t").set_index("participant_id")["group"]
    one = labels.index[labels.isin(("pat", "P"))]
    other = labels.index[labels.isin(("hc", "C"))]
    assert len(one) == 6 and len(other) == 7
    return parcels.loc[one], parcels.loc[other]


def test_every_region_is_that_of_statsmodels(finished):
    rows = pd.read_csv(finished / "group" / "contrast-patVsHc_absence.tsv", sep="\t")
    assert len(rows) == 119
    one, other = of_groups(finished)
    named = region_columns()
    for row in rows.itertuples():
        a, b = (means[named[row.region]].to_numpy() for means in (one, other))
        limit = 0.1 * b.mean()
        wanted = ttost_ind(a, b, -limit, limit, usevar="unequal")[0]
        assert row.p_equivalence_percent == pytest.approx(wanted, rel=1e-5)
        t, n = stats.ttest_ind(a, b).statistic, 6 * 7 / 13
        assert row.bf10 == pytest.approx(float(bayes_factor(t, n, 11, 0.707)), rel=1e-5)
        low = stats.nct.sf(t, 11, -0.8 * np.sqrt(n))
        assert row.p_equivalence_g == pytest.approx(
            max(low, stats.nct.cdf(t, 11, 0.8 * np.sqrt(n))), rel=1e-5
        )


def test_the_report_says_what_is_excluded(finished):
    page = (finished / "report.html").read_text()
    assert "What the contrasts can exclude" in page
    assert "a change of 10 % or more is excluded in" in page
    methods = (finished / "methods.md").read_text()
    assert "two one-sided tests [@schuirmann1987]" in methods and "[@rouder2009]" in methods
    keys = json.loads((finished / "provenance.json").read_text())["group_parts"]["absence"]
    assert set(keys) == {"patVsHc"}


def test_bounds_follow_the_scale():
    mean = np.array([2.0, -1.0])
    low, high = bounds(10, mean, Scale.RATIO)
    np.testing.assert_allclose([low[0], high[0]], [-0.2, 0.2])
    assert np.isnan([low[1], high[1]]).all()
    low, high = bounds(10, mean, Scale.LOG)
    np.testing.assert_allclose(Scale.LOG.percent([low[0], high[0]], 1.0), [-10, 10])
    assert np.isnan(bounds(10, mean, Scale.SIGNED)).all()


@pytest.fixture(scope="module")
def with_maps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("absence_maps")
    write_maps_study(folder)
    words = [*maps_words(folder), *QUICK, "permute.n=40", "absence.maps=true", "absence.percent=25"]
    assert command(words) == 0
    return folder


def image(folder, name):
    path = folder / "out" / "group" / f"contrast-patVsHc_stat-{name}_statmap.nii.gz"
    return nib.load(path).get_fdata()


def everybody(folder):
    maps = [nib.load(folder / "maps" / f"sub-{k:02d}_T1wT2wratio.nii.gz") for k in range(13)]
    return np.stack([one.get_fdata() for one in maps])


def test_every_voxel_is_that_of_statsmodels(with_maps):
    data, p = everybody(with_maps), 10 ** -image(with_maps, "equivalence_desc-uncorrected")
    bayes = 10 ** image(with_maps, "bf10")
    tested = np.argwhere(np.isfinite(p))[::4000]
    assert len(tested) > 2
    for x, y, z in tested:
        a, b = data[:6, x, y, z], data[6:, x, y, z]
        limit = 0.25 * b.mean()
        wanted = ttost_ind(a, b, -limit, limit, usevar="unequal")[0]
        assert p[x, y, z] == pytest.approx(wanted, rel=1e-4)
        t = stats.ttest_ind(a, b).statistic
        assert bayes[x, y, z] == pytest.approx(float(bayes_factor(t, 42 / 13, 11, 0.707)), rel=1e-4)


def test_the_corrected_p_is_the_larger_of_both_bounds(with_maps):
    """By plain permutation of data that were moved by each bound."""
    data = everybody(with_maps)
    fwe, inside = image(with_maps, "equivalence_desc-fwe"), np.isfinite(image(with_maps, "t"))
    values = data[:, inside].astype(np.float32)
    model = two_sample(["P"] * 6 + ["C"] * 7, "P", "C")
    how = plan(model, 40, 0, batch_size=40, exchange=exchanged(model, "welch"))
    mean = values[6:].astype(float).mean(axis=0)
    found = []
    for bound, sign in ((-0.25 * mean, 1), (0.25 * mean, -1)):
        moved = values - ((np.arange(13) < 6)[:, None] * bound).astype(np.float32)
        block = prepare(moved, model, how, "welch")
        tails = run_batch(block, how, 0).tails
        null = tails.positive if sign > 0 else tails.negative
        found.append(p_fwe(sign * block.z, null))
    np.testing.assert_allclose(10 ** -fwe[inside], np.maximum(*found), rtol=0.03)
    assert (10 ** -fwe[inside] <= 0.05).any()


@pytest.mark.heavy
def test_switched_off_there_is_none(lake_before, maps_study, maps_arguments, tmp_path):
    maps_study()
    assert command([*maps_arguments, *QUICK, "absence.tests=false"]) == 0
    assert not list((tmp_path / "out" / "group").glob("*absence*"))


def test_a_bound_of_nothing_is_refused(tmp_path, capsys):
    write_maps_study(tmp_path)
    assert command([*maps_words(tmp_path), *QUICK, "absence.percent=0"]) == 2
    assert "absence.percent" in capsys.readouterr().err
