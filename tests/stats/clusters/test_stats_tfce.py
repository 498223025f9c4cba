"""TFCE and cluster permutations against labelling at every height and refitted maps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from rt1t2_dask.stats import design, scores
from rt1t2_dask.stats.clusters import random_field, spatial
from rt1t2_dask.stats.clusters.lattice import lattice
from rt1t2_dask.stats.clusters.tfce import Workspace, tfce
from rt1t2_dask.stats.glm import fit as glm
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange, null
from rt1t2_dask.stats.permutation import tails as tails_of

RANK = {6: 1, 18: 2, 26: 3}


def structure(connectivity):
    return ndimage.generate_binary_structure(3, RANK[connectivity])


def tfce_by_labelling(volume, connectivity, e=0.5, h=2.0):
    """The defining integral, piece by piece between the values that occur."""
    out = np.zeros(volume.shape)
    for low, high in pairwise([0.0, *np.unique(volume[volume > 0])]):
        labels, _ = ndimage.label(volume >= high, structure(connectivity))
        extent = np.bincount(labels.ravel())[labels]
        area = extent**e * (high ** (h + 1) - low ** (h + 1)) / (h + 1)
        out += np.where(labels > 0, area, 0)
    return out


def random_map(seed, shape=(7, 6, 5), levels=0):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.8
    mask[1, 1, 1] = True
    values = rng.normal(size=int(mask.sum())).astype(np.float32) * 2
    return mask, np.round(values * levels) / levels if levels else values


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([6, 18, 26]),
    st.sampled_from([(0.5, 2.0), (1.0, 1.5)]),
    st.sampled_from([0, 2]),
)
def test_tfce_equals_its_definition(seed, connectivity, powers, levels):
    mask, values = random_map(seed, levels=levels)
    volume = np.zeros(mask.shape)
    volume[mask] = values
    up, down = (
        tfce_by_labelling(np.maximum(s * volume, 0), connectivity, *powers) for s in (1, -1)
    )
    grid = lattice(mask, connectivity)
    ours = tfce(values, grid, *powers)
    np.testing.assert_allclose(ours, (up - down)[mask], rtol=1e-6, atol=1e-6)
    workspace = Workspace(grid, *powers)
    tops = workspace.largest_tfce(values)
    np.testing.assert_allclose(tops, [up.max(), down.max()], rtol=1e-9)
    np.testing.assert_array_equal(workspace.tfce(values), ours)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([6, 18, 26]), st.floats(0.1, 5))
def test_largest_clusters_against_scipy(seed, connectivity, height):
    mask, values = random_map(seed)
    volume = np.zeros(mask.shape)
    volume[mask] = values
    grid = lattice(mask, connectivity)
    found = Workspace(grid).largest_clusters(grid.cells, values, height)
    for side, (extent, mass) in zip((1, -1), found, strict=True):
        labels, count = ndimage.label(side * volume > height, structure(connectivity))
        regions = range(1, count + 1)
        assert extent == max(np.bincount(labels.ravel())[1:], default=0)
        masses = ndimage.sum_labels(side * volume - height, labels, regions)
        assert mass == pytest.approx(max(masses, default=0))


def test_tfce_of_a_single_plateau():
    """27 voxels at height 3: sqrt(27) * 3^3 / 3."""
    mask = np.ones((5, 5, 5), bool)
    values = np.zeros(mask.shape)
    values[1:4, 1:4, 1:4] = 3.0
    enhanced = tfce(values[mask], lattice(mask, 6))
    assert enhanced.max() == pytest.approx(np.sqrt(27) * 9)


def cohort(seed=0, n=(7, 8), shape=(9, 8, 7), missing=True):
    rng = np.random.default_rng(seed)
    mask = np.ones(shape, bool)
    mask[0, 0] = False
    noise = ndimage.gaussian_filter(rng.normal(size=(sum(n), *shape)), (0, 1, 1, 1))
    data = (1.5 + noise[:, mask]).astype(np.float32)
    if missing:
        data[0, :40] = np.nan
        data[-2:, 20:70] = np.nan
    age = pd.DataFrame({"age": rng.normal(60, 9, sum(n))})
    return mask, data, design.two_sample(["a"] * n[0] + ["b"] * n[1], "a", "b", age)


@pytest.mark.parametrize("method", ["freedman_lane", "smith"])
def test_permuted_maps_are_those_of_the_maxima(method):
    """The maps' largest values are the tails of the max-t path, and the identity's is the fit."""
    _, data, model = cohort()
    plan = exchange.plan(model, 40, seed=5, method=method)
    block = permutation.prepare(data, model, plan)
    maps = spatial.statistic_maps(block, plan.orders(0))
    z = scores.t_to_z(maps, block.residuals.dof)
    tails = permutation.run_batch(block, plan, 0).tails
    np.testing.assert_allclose(np.maximum(z.max(axis=1), 0), tails.positive, atol=2e-5)
    np.testing.assert_allclose(np.maximum(-z.min(axis=1), 0), tails.negative, atol=2e-5)
    result = glm.fit(data, model)
    expected = scores.at_dof(result.t, result.dof, model.dof)
    np.testing.assert_allclose(spatial.observed_statistic(block), expected, rtol=2e-5, atol=1e-5)


def test_batch_statistics_are_those_of_its_maps():
    mask, data, model = cohort()
    plan = exchange.plan(model, 20, seed=1, batch_size=20)
    block = permutation.prepare(data, model, plan)
    grid, enhancement = lattice(mask, 18), lattice(mask, 26)
    tails = spatial.spatial_batch(block, plan, 0, grid, enhancement, forming_p=0.05)
    height = random_field.height(0.05, model.dof)
    for k, flat in enumerate(spatial.statistic_maps(block, plan.orders(0))):
        volume = np.zeros(mask.shape)
        volume[mask] = flat
        labels, _ = ndimage.label(volume > height, structure(18))
        assert tails["extent"].positive[k] == max(np.bincount(labels.ravel())[1:], default=0)
        top = tfce_by_labelling(np.maximum(-volume, 0), 26).max()
        assert tails["tfce"].negative[k] == pytest.approx(top, rel=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 50))
def test_bits_do_not_depend_on_the_batch_size(size):
    mask, data, model = cohort()
    grid = lattice(mask, 18)
    runs = []
    for batch_size in (50, size):
        plan = exchange.plan(model, 50, seed=2, batch_size=batch_size)
        block = permutation.prepare(data, model, plan)
        parts = [spatial.spatial_batch(block, plan, k, grid) for k in range(plan.n_batches)]
        runs.append([tails_of.merge_batches([p[s] for p in parts]) for s in parts[0]])
    for ours, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(ours.both, other.both)


def test_family_wise_rate_under_the_null():
    """150 null cohorts; each rate at .05 lies within 4 standard errors."""
    hits = dict.fromkeys(("extent", "mass", "tfce"), 0)
    for seed in range(150):
        mask, data, model = cohort(seed, missing=seed % 2 == 0)
        plan = exchange.plan(model, 59, seed=seed)
        block = permutation.prepare(data, model, plan)
        grid = lattice(mask, 18)
        observed = spatial.observed_spatial(block, grid, forming_p=0.05)
        tails = spatial.spatial_batch(block, plan, 0, grid, forming_p=0.05)
        for name in hits:
            p = null.p_fwe(observed[name].both, tails[name].both)[0]
            hits[name] += p <= 0.05
    for name, count in hits.items():
        assert count > 0, name
        assert abs(count / 150 - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 150), name
