"""A contrast gives the same bits whatever the blocks, and pairs are subtracted."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from rt1t2_dask.pipelines.contrasts import contrast
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, as_settings
from rt1t2_dask.pipelines.voxelwise.blocks import Rows, voxel_blocks
from rt1t2_dask.stats import design, designs
from rt1t2_dask.stats.clusters import smoothness
from rt1t2_dask.stats.glm import fit as glm
from rt1t2_dask.stats.glm import noise

SHAPE = (20, 22, 18)


def arrays(volumes: np.ndarray) -> list[xr.DataArray]:
    return [xr.DataArray(v.transpose(2, 1, 0), dims=("z", "y", "x")) for v in volumes]


def cohort() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    volumes = rng.normal(1.5, 0.1, (11, *SHAPE)).astype(np.float32)
    volumes[rng.random(volumes.shape) < 0.02] = np.nan
    mask = np.zeros(SHAPE, bool)
    mask[3:17, 2:20, 4:15] = True
    return volumes, mask


def told(model: design.Design, baseline: list[bool], variance: str = "equal") -> ContrastSettings:
    return ContrastSettings(
        design=as_settings(model), variance=variance, min_group_n=2, min_group_share=0.5,
        space="X", baseline=baseline,
    )  # fmt: skip


@pytest.mark.parametrize("variance", ["equal", "welch", "spm_unequal"])
def test_bits_do_not_depend_on_blocks(variance):
    volumes, mask = cohort()
    model = design.two_sample(["a"] * 5 + ["b"] * 6, "a", "b")
    settings = told(model, [False] * 5 + [True] * 6, variance)
    made = []
    for budget in (10**9, 11 * 4 * 700, 11 * 4 * 37):
        rows, blocks = Rows(arrays(volumes), []), voxel_blocks(SHAPE, mask, 11, budget)
        ratio = contrast._group_variance(rows, blocks, model, variance)
        fitted = contrast._fit(settings, rows, blocks, model, ratio)
        made.append((fitted, contrast._describe(fitted, rows, model, mask, ratio)))
    for fitted, record in made[1:]:
        assert record == made[0][1]
        for name, values in fitted.maps.items():
            np.testing.assert_array_equal(values, made[0][0].maps[name], err_msg=name)


def test_streamed_smoothness_is_that_of_whole_maps():
    volumes, mask = cohort()
    model = design.two_sample(["a"] * 5 + ["b"] * 6, "a", "b")
    settings = told(model, [True] * 11)
    rows, blocks = Rows(arrays(volumes), []), voxel_blocks(SHAPE, mask, 11, 11 * 4 * 100)
    fitted = contrast._fit(settings, rows, blocks, model, None)
    record = contrast._describe(fitted, rows, model, mask, None)
    data = volumes[:, mask]
    complete = np.isfinite(data).all(axis=0)
    inside = mask.copy()
    inside[mask] = complete
    residuals = noise.standardised_residuals(data[:, complete], model)
    expected = smoothness.fwhm_voxels(residuals, inside, model.dof)
    assert record["fwhm_voxels"] == expected.tolist()


def test_pairs_are_subtracted_and_are_a_share_of_what_is_subtracted():
    volumes, mask = cohort()
    first, second = volumes[:5], volumes[5:10]
    labels, pair = ["a"] * 5 + ["b"] * 5, [*range(5), *range(5)]
    model = designs.paired(labels, "a", "b", pair)
    rows = Rows(arrays(first), arrays(second))
    settings = told(model, [])
    fitted = contrast._fit(settings, rows, voxel_blocks(SHAPE, mask, 5), model, None)
    data = model.observed(volumes[:10])[:, mask]
    result = glm.fit(data, model, min_group_n=2, min_group_share=0.5)
    np.testing.assert_array_equal(fitted.maps["t"], result.t)
    np.testing.assert_allclose(fitted.maps["mean"], np.nanmean(second[:, mask], axis=0), rtol=1e-5)
