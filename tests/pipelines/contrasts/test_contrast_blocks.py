"""A contrast of parts in a lake: the same bits for any blocks, the same t from sums over runs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from maps_in_lake import N, Study, cohort

from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.stats import design as designs_of
from rt1t2_dask.stats import designs
from rt1t2_dask.stats.clusters import smoothness
from rt1t2_dask.stats.glm import fit as glm
from rt1t2_dask.stats.glm import noise
from rt1t2_dask.stats.glm.reml import accumulate_cy, group_variances

LIMITS = {"min_group_n": 2, "min_group_share": 0.5}


def told(model, baseline, variance="equal"):
    return {
        "design": as_settings(model), "variance": variance, "space": "X", "baseline": baseline,
        **LIMITS,
    }  # fmt: skip


def measured(dataset: xr.Dataset, name: str, mask: np.ndarray) -> np.ndarray:
    return dataset[name].to_numpy().transpose(2, 1, 0)[mask]


@pytest.mark.heavy
@pytest.mark.parametrize("variance", ["equal", "welch", "spm_unequal"])
def test_blocks_give_the_bits_of_one_fit_of_all_voxels(variance, tmp_path):
    volumes, mask = cohort()
    model = designs_of.two_sample(["a"] * 5 + ["b"] * 6, "a", "b")
    settings = told(model, [False] * 5 + [True] * 6, variance)
    data = volumes[:, mask]
    pooled = accumulate_cy(data, model)
    ratio = group_variances(pooled, model) if variance == "spm_unequal" else None
    wanted = glm.fit(data, model, variance, group_variance=ratio, **LIMITS)
    made = [Study(tmp_path / str(k), volumes, mask).by_blocks(settings, k) for k in (1, 2, 5)]
    for dataset, record in made:
        assert record == made[0][1]
        assert dataset.identical(made[0][0])
        for name, values in (("stat_t", wanted.t), ("stat_z", wanted.z), ("stat_n", wanted.n)):
            found = measured(dataset, name, mask)
            np.testing.assert_array_equal(found, values.astype(np.float32), err_msg=name)


def test_smoothness_is_that_of_whole_maps(tmp_path):
    volumes, mask = cohort(missing=0.005)
    model = designs_of.two_sample(["a"] * 5 + ["b"] * 6, "a", "b")
    _, record = Study(tmp_path, volumes, mask).by_blocks(told(model, [True] * N), 2)
    data = volumes[:, mask]
    complete = np.isfinite(data).all(axis=0)
    inside = mask.copy()
    inside[mask] = complete
    residuals = noise.standardised_residuals(data[:, complete], model)
    assert record["fwhm_voxels"] == smoothness.fwhm_voxels(residuals, inside, model.dof).tolist()


def test_pairs_are_subtracted_and_are_a_share_of_what_is_subtracted(tmp_path):
    volumes, mask = cohort(missing=0.005)
    first, second = volumes[:5], volumes[5:10]
    labels, pair = ["a"] * 5 + ["b"] * 5, [*range(5), *range(5)]
    model = designs.paired(labels, "a", "b", pair)
    dataset, _ = Study(tmp_path, first, mask, second).by_blocks(told(model, []), 2)
    data = model.observed(volumes[:10])[:, mask]
    result = glm.fit(data, model, **LIMITS)
    np.testing.assert_array_equal(measured(dataset, "stat_t", mask), result.t.astype(np.float32))
    mean = np.nanmean(second[:, mask], axis=0)
    np.testing.assert_allclose(measured(dataset, "stat_mean", mask), mean, rtol=1e-5)


def anchored(n: int):
    rng = np.random.default_rng(3)
    anchor = rng.normal(0, 0.05, n)
    group = np.repeat(["a", "b"], [n // 2, n - n // 2])
    matrix = np.column_stack([designs_of.indicators(group, ("a", "b")), anchor - anchor.mean()])
    contrast = np.array([1.0, -1.0, 0.0])
    names = ("a", "b", "anchor_eye")
    return designs_of.Design(matrix, names, group, contrast, np.arange(n)), anchor


@pytest.mark.parametrize("how", ["blocks", "runs"])
def test_the_slope_on_an_anchor_is_that_of_least_squares(how, tmp_path):
    volumes, mask = cohort(missing=0.0)
    model, anchor = anchored(N)
    volumes += 0.8 * anchor[:, None, None, None].astype(np.float32)
    study, settings = Study(tmp_path, volumes, mask), told(model, [True] * N)
    _, record = study.by_blocks(settings, 2) if how == "blocks" else study.by_runs(settings, model)
    data = volumes[:, mask].astype(np.float64)
    slopes = np.linalg.lstsq(model.matrix, data, rcond=None)[0][2]
    wanted = np.median(slopes / data.mean(axis=0))
    assert record["anchor_slopes"] == {"anchor_eye": pytest.approx(wanted, rel=1e-6)}


@pytest.mark.heavy
@pytest.mark.parametrize("variance", ["equal", "welch"])
@pytest.mark.parametrize("most", [240, pytest.param(3, marks=pytest.mark.heavy)])
def test_sums_over_runs_give_the_contrast_of_all_rows(variance, most, tmp_path, monkeypatch):
    n = 70
    volumes, mask = cohort(n, missing=0.002)
    model, _ = anchored(n)
    settings = told(model, [False] * 35 + [True] * 35, variance)
    study = Study(tmp_path, volumes[:, :, :, :], mask)
    whole, about = study.by_blocks(settings, 2)
    monkeypatch.setattr("rt1t2_dask.pipelines.voxelwise.runs.MOST_TOGETHER", most)
    found, record = study.by_runs(settings, model)
    for name in whole:
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-5, atol=1e-6, err_msg=name)
    for name in ("n", "dof", "voxels", "voxels_with_missing", "scale", "design_columns"):
        assert record[name] == about[name]


@pytest.mark.heavy
def test_runs_give_the_smoothness_of_blocks_where_nobody_is_missing(tmp_path, monkeypatch):
    n = 70
    volumes, mask = cohort(n, missing=0.0)
    model, _ = anchored(n)
    settings = told(model, [True] * n)
    study = Study(tmp_path, volumes, mask)
    _, about = study.by_blocks(settings, 1)
    monkeypatch.setattr("rt1t2_dask.pipelines.voxelwise.runs.MOST_TOGETHER", 20)
    _, record = study.by_runs(settings, model)
    np.testing.assert_allclose(record["fwhm_voxels"], about["fwhm_voxels"], rtol=1e-8)
    np.testing.assert_allclose(record["resels"], about["resels"], rtol=1e-8)


def test_runs_cover_all_rows_once():
    from rt1t2_dask.pipelines.voxelwise.runs import MOST_TOGETHER, runs_of

    for n in (1, 239, 240, 241, 300, 50_000):
        runs = runs_of(n)
        assert (runs[0].start, runs[-1].stop) == (0, n)
        assert all(a.stop == b.start for a, b in pairwise(runs))
        sizes = [run.stop - run.start for run in runs]
        assert max(sizes) <= MOST_TOGETHER
        assert max(sizes) - min(sizes) <= 1
