"""Sums that sites share against one analysis of all rows: the same t, F and smoothness."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from rt1t2_dask.sites.pooled import (
    JointModel,
    pooled_fwhm,
    pooled_test,
)
from rt1t2_dask.stats.clusters.neighbours import add_products, neighbour_index
from rt1t2_dask.stats.clusters.smoothness import fwhm_voxels
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.glm.noise import standardised_residuals
from rt1t2_dask.stats.glm.sufficient import BLANK, Sums, accumulate, join

SITES, EACH = 3, 14


def study(rng, voxels, missing=0.0):
    n = SITES * EACH
    group = np.tile(["a", "b"], n // 2)
    site = np.repeat(np.arange(SITES), EACH)
    age = rng.uniform(20, 80, n)
    raw = np.column_stack([group == "a", group == "b", age]).astype(float)
    dummies = (site[:, None] == np.arange(1, SITES)).astype(float)
    data = rng.normal(1.5, 0.1, (n, voxels)) + 0.02 * site[:, None] + 0.001 * age[:, None]
    data[rng.random(data.shape) < missing] = np.nan
    return group, site, raw, dummies, data


def joint(group, raw, dummies, contrast):
    """The design as the pipeline builds it, and how each site's columns give its own."""
    centre = raw[:, 2].mean()
    share = dummies.mean(axis=0)
    matrix = np.column_stack([raw[:, :2], raw[:, 2] - centre, dummies - share])
    design = Design(
        matrix, ("a", "b", "age", "s1", "s2"), np.asarray(group, np.str_), contrast,
        np.arange(len(group)),
    )  # fmt: skip
    transforms = []
    for k in range(SITES):
        transform = np.zeros((3, 5))
        transform[:3, :3] = np.eye(3)
        transform[:2, 2] = -centre
        transform[:2, 3:] = (np.arange(1, SITES) == k) - share
        transforms.append(transform)
    sizes = tuple(int((design.group == g).sum()) for g in ("a", "b"))
    return design, transforms, JointModel(matrix.T @ matrix, design.contrast, (0, 1), sizes)


def site_sums(site, raw, data, transforms, **kwargs):
    return [
        accumulate(data[site == k], raw[site == k], **kwargs).through(transforms[k])
        for k in range(SITES)
    ]


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_t_equals_one_analysis_of_all_rows(missing):
    rng = np.random.default_rng(0)
    group, site, raw, dummies, data = study(rng, 400, missing)
    design, transforms, model = joint(group, raw, dummies, np.array([1.0, -1, 0, 0, 0]))
    found = pooled_test(site_sums(site, raw, data, transforms), model).result
    wanted = fit(data, design)
    assert np.isfinite(wanted.t).sum() > 200
    for name in ("t", "z", "dof", "effect", "hedges_g", "se", "sd"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-9)
    assert (found.n == wanted.n).all()


def test_f_equals_one_analysis_of_all_rows():
    rng = np.random.default_rng(1)
    group, site, raw, dummies, data = study(rng, 100, 0.1)
    weights = np.array([[1.0, -1, 0, 0, 0], [0, 0, 1, 0, 0]]).T
    design, transforms, model = joint(group, raw, dummies, weights)
    found = pooled_test(site_sums(site, raw, data, transforms), model).result
    np.testing.assert_allclose(found.t, fit(data, design).t, rtol=1e-9)


@given(cuts=st.lists(st.integers(1, 49), max_size=4, unique=True), seed=st.integers(0, 99))
def test_blocks_change_nothing(cuts, seed):
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(8, 50))
    data[rng.random(data.shape) < 0.2] = np.nan
    matrix = rng.normal(size=(8, 3))
    whole = accumulate(data, matrix)
    edges = [0, *sorted(cuts), 50]
    index = [np.arange(a, b) for a, b in itertools.pairwise(edges)]
    joined = join([accumulate(data[:, i], matrix) for i in index], index, 50)
    np.testing.assert_allclose(joined.cross, whole.cross, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(joined.people, whole.people)
    np.testing.assert_allclose(
        joined.grams[joined.pattern], whole.grams[whole.pattern], rtol=1e-12, atol=1e-12
    )


def test_voxels_with_too_few_people_are_blank():
    rng = np.random.default_rng(2)
    data = rng.normal(1.5, 0.1, (12, 30))
    groups = np.zeros((2, 12), bool)
    groups[0, :6] = groups[1, 6:] = True
    data[:2, 3] = data[6:8, 4] = data[0, 5] = np.nan
    sums = accumulate(data, groups.T.astype(float), groups, minimum=5)
    assert np.flatnonzero(sums.pattern == BLANK).tolist() == [3, 4]
    assert not sums.cross[:, [3, 4]].any()
    assert not sums.squares[[3, 4]].any()
    assert sums.people[[3, 5, 6]].tolist() == [0, 11, 12]


def test_smoothness_equals_that_of_all_rows():
    rng = np.random.default_rng(3)
    shape = (14, 12, 13)
    n = SITES * EACH
    maps = np.stack([ndimage.gaussian_filter(rng.normal(size=shape), 1.5) for _ in range(n)])
    mask = np.ones(shape, bool)
    mask[:3, :4] = mask[7, 7, 7] = False
    group, site, raw, dummies, _ = study(rng, 1)
    data = maps[:, mask] / maps.std() * 0.1 + 1.5
    data[3, 100:120] = np.nan
    design, transforms, model = joint(group, raw, dummies, np.array([1.0, -1, 0, 0, 0]))
    pooled = pooled_test(site_sums(site, raw, data, transforms), model)
    products = np.zeros((6, data.shape[1]))
    index = neighbour_index(mask)
    for row in data:
        add_products(products, row, index)
    whole = np.isfinite(data).all(axis=0)
    assert (pooled.complete == whole).all()
    complete = mask.copy()
    complete[mask] = whole
    wanted = fwhm_voxels(standardised_residuals(data[:, whole], design), complete, design.dof)
    np.testing.assert_allclose(pooled_fwhm(pooled, products, mask, design.dof), wanted, rtol=1e-9)


def test_constant_voxels_give_no_t():
    rng = np.random.default_rng(4)
    group, site, raw, dummies, data = study(rng, 3)
    data[:, 1] = 1.7
    _, transforms, model = joint(group, raw, dummies, np.array([1.0, -1, 0, 0, 0]))
    found = pooled_test(site_sums(site, raw, data, transforms), model).result
    assert np.isfinite(found.t).tolist() == [True, False, True]


def test_a_transform_of_sums_is_a_transform_of_the_design():
    rng = np.random.default_rng(5)
    data, matrix, change = rng.normal(size=(9, 4)), rng.normal(size=(9, 3)), rng.normal(size=(3, 2))
    data[2, 1] = np.nan
    found, wanted = accumulate(data, matrix).through(change), accumulate(data, matrix @ change)
    assert isinstance(found, Sums)
    np.testing.assert_allclose(found.grams, wanted.grams)
    np.testing.assert_allclose(found.cross, wanted.cross)
