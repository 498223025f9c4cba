"""Parcel means against a second implementation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel import Nifti1Image
from nilearn.maskers import NiftiLabelsMasker

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.parcels import parcel_coverage, parcel_means, parcel_voxels


def blocks(rng, shape=(12, 10, 11)):
    coarse = rng.integers(0, 8, size=[-(-n // 3) for n in shape])
    full = coarse.repeat(3, 0).repeat(3, 1).repeat(3, 2)
    return full[: shape[0], : shape[1], : shape[2]]


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.9), st.booleans())
def test_means_equal_nanmean_region_by_region(seed, missing, single):
    rng = np.random.default_rng(seed)
    labels = blocks(rng)
    maps = rng.normal(2, 1, size=(3, 2, *labels.shape))
    maps[rng.random(maps.shape) < missing] = np.nan
    maps = maps.astype(np.float32) if single else maps
    wanted = [7, 3, 99, 1]
    means = parcel_means(maps, labels, wanted)
    assert means.shape == (3, 2, 4)
    assert means.dtype == np.float64
    for column, label in enumerate(wanted):
        inside = maps[..., labels == label].astype(np.float64)
        n = (~np.isnan(inside)).sum(axis=-1)
        with np.errstate(invalid="ignore"):
            expected = np.nansum(inside, axis=-1) / n
        np.testing.assert_allclose(means[..., column], expected, rtol=1e-12)


def test_means_equal_nilearn():
    rng = np.random.default_rng(3)
    labels = blocks(rng)
    maps = rng.normal(size=(4, *labels.shape))
    masker = NiftiLabelsMasker(Nifti1Image(labels.astype(np.int32), np.eye(4)), standardize=None)
    theirs = masker.fit_transform(Nifti1Image(np.moveaxis(maps, 0, -1), np.eye(4)))
    np.testing.assert_allclose(parcel_means(maps, labels, range(1, 8)), theirs, atol=1e-6)


def test_zeros_count_and_nan_does_not():
    labels = np.array([1, 1, 2, 2, 2])
    maps = np.array([[0.0, 4.0, np.nan, np.nan, 5.0], [1.0, 3.0, np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(parcel_means(maps, labels, [1, 2]), [[2, 5], [2, np.nan]])
    np.testing.assert_allclose(parcel_coverage(maps, labels, [1, 2]), [[1, 1 / 3], [1, 0]])
    np.testing.assert_array_equal(parcel_voxels(labels, [2, 1, 9]), [3, 2, 0])


@given(st.integers(0, 2**32 - 1))
def test_one_subjects_means_do_not_depend_on_the_others(seed):
    rng = np.random.default_rng(seed)
    labels = blocks(rng)
    maps = rng.normal(size=(4, *labels.shape)).astype(np.float32)
    maps[1, rng.random(labels.shape) < 0.3] = np.nan
    together = parcel_means(maps, labels, range(1, 8))
    alone = np.stack([parcel_means(one, labels, range(1, 8)) for one in maps])
    np.testing.assert_array_equal(together, alone)


def test_maps_on_another_grid_are_refused():
    with pytest.raises(UserError, match=r"\(2, 4, 5\).*\(5, 4\)"):
        parcel_means(np.zeros((2, 4, 5)), np.ones((5, 4), dtype=int), [1])
