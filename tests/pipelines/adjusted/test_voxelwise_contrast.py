"""A contrast of parts that holds each voxel's own covariate, and its permutations."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from maps_in_lake import Study, cohort

from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.permutations.stages import OBSERVED, PERMUTE_BATCH
from rt1t2_dask.stats.clusters import smoothness
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.glm.noise import standardised_residuals
from rt1t2_dask.stats.glm.voxelwise import fit_voxelwise, slopes, without
from rt1t2_dask.stats.permutation.blocks import prepare, run_batch
from rt1t2_dask.stats.permutation.exchange import exchanged, plan
from rt1t2_dask.storage.parts import Part

GROUP = ["a"] * 5 + ["b"] * 6
LIMITS = {"min_group_n": 2, "min_group_share": 0.5}


@pytest.fixture(scope="module")
def atrophy():
    volumes, mask = cohort(missing=0.005)
    rng = np.random.default_rng(7)
    shares = rng.uniform(0.5, 1, volumes.shape).astype(np.float32)
    shares[:5] -= 0.1
    return volumes + shares, shares, mask


def told(model, variance):
    return {
        "design": as_settings(model), "variance": variance, "space": "X",
        "baseline": [g == "b" for g in GROUP], **LIMITS,
    }  # fmt: skip


def measured(dataset: xr.Dataset, name: str, mask: np.ndarray) -> np.ndarray:
    return dataset[name].to_numpy().transpose(2, 1, 0)[mask]


@pytest.mark.heavy
@pytest.mark.parametrize("variance", ["equal", "welch"])
def test_blocks_give_the_bits_of_one_fit(atrophy, variance, tmp_path):
    volumes, shares, mask = atrophy
    model = two_sample(GROUP, "a", "b")
    data, held = volumes[:, mask], shares[None][:, :, mask]
    wanted = fit_voxelwise(data, held, model, variance, **LIMITS)
    made = [
        Study(tmp_path / str(k), volumes, mask, shares=shares).by_blocks(told(model, variance), k)
        for k in (1, 3)
    ]
    for dataset, record in made:
        assert record == made[0][1]
        assert dataset.identical(made[0][0])
        for name, values in (("stat_t", wanted.t), ("stat_effect", wanted.effect)):
            found = measured(dataset, name, mask)
            np.testing.assert_array_equal(found, values.astype(np.float32), err_msg=name)
    assert record["dof"] == model.dof - 1


def test_smoothness_is_that_of_residuals_without_the_covariate(atrophy, tmp_path):
    volumes, shares, mask = atrophy
    model = two_sample(GROUP, "a", "b")
    _, record = Study(tmp_path, volumes, mask, shares=shares).by_blocks(told(model, "equal"), 2)
    data, held = volumes[:, mask], shares[None][:, :, mask]
    complete = np.isfinite(data).all(axis=0)
    inside = mask.copy()
    inside[mask] = complete
    left = without(data, held, slopes(data, held, model))[:, complete]
    # A residual SD of one degree of freedom more makes every residual larger alike.
    scale = np.sqrt((model.dof - 1) / model.dof)
    residuals = (row * scale for row in standardised_residuals(left, model))
    wanted = smoothness.fwhm_voxels(residuals, inside, model.dof - 1, model.n)
    np.testing.assert_allclose(record["fwhm_voxels"], wanted, rtol=1e-6)


@pytest.mark.heavy
def test_relabelings_hold_the_covariate(atrophy, tmp_path):
    volumes, shares, mask = atrophy
    model, variance = two_sample(GROUP, "a", "b"), "welch"
    study = Study(tmp_path, volumes, mask, shares=shares)
    settings = told(model, variance)
    dataset, _ = study.by_blocks(settings, 2)
    lake, fitted = study.lake, Part("contrast", f"{5000:032x}")
    lake.write(fitted, dataset, record={"group_variance": None})
    how = exchanged(model, variance)
    more = {
        "method": "freedman_lane", "statistic": ("max_t",), "forming_p": 0.001, "seed": 1,
        "early_stop": None, "exact": False, "exchange": how,
    }  # fmt: skip
    del settings["baseline"]
    parents = {k: v for k, v in study.parents.items() if k != "template_out"}
    observed = OBSERVED.task(settings | more, {**parents, "contrast": fitted})
    batch = PERMUTE_BATCH.task(
        settings | more | {"first": 0, "last": 64},
        {**parents, "contrast": fitted, "observed": observed.part},
    )
    found, _ = study.make([observed, batch])
    drawn = plan(model, 64, 1, batch_size=64, exchange=how)
    data, held = volumes[:, mask], shares[None][:, :, mask]
    block = prepare(data, model, drawn, variance, covariates=held, **LIMITS)
    wanted = run_batch(block, drawn, 0).tails
    np.testing.assert_allclose(found["null_positive"], wanted.positive, rtol=1e-6)
    np.testing.assert_allclose(found["null_negative"], wanted.negative, rtol=1e-6)
