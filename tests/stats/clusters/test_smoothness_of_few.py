"""Smoothness from few residuals: never too smooth, by simulation of known noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from rt1t2_dask.stats.clusters.smoothness import DETERMINANT_DOF, fwhm_voxels

SHAPE, SIGMA = (30, 30, 30), 2.0
TRUE = SIGMA * np.sqrt(8 * np.log(2))


def resels_over_true(dof: int, seed: int) -> float:
    rng, mask = np.random.default_rng(seed), np.ones(SHAPE, bool)
    noise = [ndimage.gaussian_filter(rng.standard_normal(SHAPE), SIGMA) for _ in range(dof + 1)]
    rows = np.stack([own[mask] for own in noise])
    left = rows - rows.mean(axis=0)
    unit = left / np.sqrt((left**2).sum(axis=0) / dof)
    return float(np.prod(TRUE / fwhm_voxels(iter(unit), mask, dof, dof + 1)))


@pytest.mark.parametrize("dof", [2, 3, 4, 5])
def test_few_residuals_give_too_many_resels_and_never_too_few(dof):
    assert dof < DETERMINANT_DOF
    found = np.mean([resels_over_true(dof, seed) for seed in range(3)])
    assert 1.1 < found < 3.2


def test_enough_residuals_keep_spms_estimate():
    """SPM's determinant, some 10 to 20 % too low on so small a volume."""
    found = np.mean([resels_over_true(11, seed) for seed in range(3)])
    assert 0.75 < found < 1.0
