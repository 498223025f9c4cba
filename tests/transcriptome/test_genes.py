"""Gene correlations and spins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.regions import desikan_names, is_left, sphere_centroids
from rt1t2_dask.transcriptome import genes, spins


def test_worked_numbers(case):
    known = case("imt_test_input_cortsub")
    found = genes.correlate(known.expression, known.values[:, 0], known.spins)
    np.testing.assert_allclose(found.rho, known.genes["spearman"].astype(float), atol=1e-6)
    np.testing.assert_allclose(found.p, known.genes["p_spin_two_sided"].astype(float), atol=1e-6)
    assert np.all(found.p_family >= found.p)


def test_equals_scipy_with_ties():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, (20, 7)).astype(float), rng.integers(0, 5, 20).astype(float)
    order = np.array([rng.permutation(20) for _ in range(150)])
    found = genes.correlate(x, y, order)
    for k in range(7):
        rho = stats.spearmanr(x[:, k], y)[0]
        null = [stats.spearmanr(x[:, k], y[o])[0] for o in order]
        assert found.rho[k] == pytest.approx(rho)
        assert found.p[k] == (np.sum(np.abs(null) >= abs(rho) - 1e-9) + 1) / 151


def test_maps_are_correlated_both_ways():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 30))
    order = np.array([rng.permutation(30) for _ in range(99)])
    found = genes.correlate_maps(a, b, order)
    assert found.r == pytest.approx(stats.pearsonr(a, b)[0])
    assert found.rho == pytest.approx(stats.spearmanr(a, b)[0])
    null = [abs(stats.pearsonr(a[o], b)[0]) for o in order]
    assert found.p == (np.sum(np.array(null) >= abs(found.r)) + 1) / 100


def plain_vasa(distance: np.ndarray) -> list[int]:
    """The assignment as published: who is farthest from any rotated region chooses first."""
    left, out = distance.copy(), [0] * len(distance)
    for _ in range(len(distance)):
        row = int(np.argmax(np.where(np.isneginf(left).all(1), -np.inf, left.min(axis=1))))
        column = int(np.argmin(left[row]))
        out[row] = column
        left[row] = -np.inf
        free = ~np.isneginf(left).all(1)
        left[free, column] = np.inf
    return out


def test_spins_equal_a_plain_search():
    names = desikan_names()
    centroids, left = sphere_centroids(names), is_left(names)
    assert centroids is not None
    once = spins.spin_orders(centroids, left, 300, seed=3)
    nearest = spins.spin_orders(centroids, left, 300, seed=3, method="nearest")
    assert all(np.array_equal(np.sort(row), np.arange(68)) for row in once)
    unit = centroids[:34] / np.linalg.norm(centroids[:34], axis=1, keepdims=True)
    for block, at in ((0, 0), (0, 7), (1, 0)):
        turn = spins.rotations(256, 3, block)[at]
        distance = np.linalg.norm((unit @ turn)[:, None] - unit[None], axis=2)
        assert once[256 * block + at, :34].tolist() == plain_vasa(distance)
        assert nearest[256 * block + at, :34].tolist() == distance.argmin(axis=1).tolist()


def test_spins_do_not_depend_on_how_many_and_mirror_hemispheres():
    names = desikan_names()
    centroids, left = sphere_centroids(names), is_left(names)
    few, many = (spins.spin_orders(centroids, left, n, seed=1) for n in (10, 600))
    assert np.array_equal(few, many[:10])
    mirrored = np.vstack([centroids[left], centroids[left] * [-1, 1, 1]])
    both = spins.spin_orders(mirrored, left, 20)
    assert np.array_equal(both[:, :34], both[:, 34:] - 34)


def test_rotations_are_uniform():
    turned = spins.rotations(20_000, 0, 0) @ np.array([0.0, 0.0, 1.0])
    assert np.abs(turned.mean(axis=0)).max() < 0.02
    assert stats.kstest(turned[:, 2], stats.uniform(-1, 2).cdf).pvalue > 0.001


def test_too_few_regions_are_refused():
    with pytest.raises(UserError, match="spins need 5 regions"):
        spins.spin_orders(np.eye(3), np.ones(3, bool), 10)
