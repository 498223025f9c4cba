"""Smoothness from sums of products against that from the residuals themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.clusters.neighbours import NeighbourSums, fwhm_of_sums, neighbour_index
from rt1t2_dask.stats.clusters.smoothness import fwhm_voxels, sampled_rows
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.glm.noise import standardised_residuals

N = 90


def smooth_maps(seed=0):
    rng = np.random.default_rng(seed)
    mask = ndimage.binary_erosion(np.ones((18, 16, 14), bool))
    noise = rng.normal(size=(N, *mask.shape))
    rows = np.stack([ndimage.gaussian_filter(one, (2.0, 1.5, 1.2))[mask] for one in noise])
    return 1.4 + rows, mask


def summed(rows, design, index, runs):
    total = NeighbourSums.none(design.matrix.shape[1], rows.shape[1])
    for run in np.array_split(np.asarray(sampled_rows(N)), runs):
        own = NeighbourSums.none(design.matrix.shape[1], rows.shape[1])
        for k in run:
            own.add_person(design.matrix[k], rows[k], index)
        total.add(own)
    return total


def fitted(rows, design):
    estimates = np.linalg.lstsq(design.matrix, rows, rcond=None)[0]
    residual = ((rows - design.matrix @ estimates) ** 2).sum(axis=0)
    return estimates, np.sqrt(residual / design.dof)


@pytest.mark.parametrize("runs", [1, 3])
def test_sums_of_sampled_rows_give_the_smoothness_of_their_residuals(runs):
    rows, mask = smooth_maps()
    design = two_sample(np.repeat(["a", "b"], N // 2), "a", "b")
    sampled = sampled_rows(N)
    residuals = standardised_residuals(rows, design, rows=sampled)
    wanted = fwhm_voxels(residuals, mask, design.dof, N)
    sums = summed(rows, design, neighbour_index(mask), runs)
    there, scale = np.ones(rows.shape[1], bool), N / design.dof / len(sampled)
    found = fwhm_of_sums(sums, *fitted(rows, design), mask, there, scale)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_nothing_measured_in_everybody_is_refused():
    rows, mask = smooth_maps()
    design = two_sample(np.repeat(["a", "b"], N // 2), "a", "b")
    sums = summed(rows, design, neighbour_index(mask), 1)
    with pytest.raises(UserError, match=r"contrast\.mask"):
        fwhm_of_sums(sums, *fitted(rows, design), mask, np.zeros(rows.shape[1], bool), 1.0)
