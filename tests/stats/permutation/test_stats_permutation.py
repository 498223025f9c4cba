"""Permutation tests against refitting every model, and against themselves in other blocks."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.stats import design
from rt1t2_dask.stats.glm import fit as glm
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange, null
from rt1t2_dask.stats.permutation import tails as tails_of
from rt1t2_dask.stats.scores import t_to_z

METHODS = ("freedman_lane", "smith")


def simulated(voxels=300, seed=0, n=(6, 8), covariates=True):
    rng = np.random.default_rng(seed)
    data = rng.normal(1.5, 0.1, (sum(n), voxels)).astype(np.float32)
    data[0, : voxels // 3] = np.nan
    data[-1, : voxels // 6] = np.nan
    table = pd.DataFrame({"age": rng.normal(60, 10, sum(n)), "dose": rng.normal(size=sum(n))})
    groups = ["a"] * n[0] + ["b"] * n[1]
    return data, design.two_sample(groups, "a", "b", table if covariates else None)


def all_orders(plan):
    return np.concatenate([plan.orders(k) for k in range(plan.n_batches)])


def run(data, model, plan):
    block = permutation.prepare(data, model, plan)
    results = [permutation.run_batch(block, plan, k) for k in range(plan.n_batches)]
    tails = tails_of.merge_batches([r.tails for r in results])
    return block, tails, np.sum([r.exceed for r in results], axis=0)


def induced(order, here):
    """Where each person present goes when the others are cut out of the cycles."""
    places = []
    for person in sorted(here):
        place = order[person]
        while place not in here:
            place = order[place]
        places.append(place)
    return places


def refit(values, model, order, method):
    """Statistic of one voxel under one order, by fitting the permuted model."""
    here = np.flatnonzero(np.isfinite(values))
    place = np.searchsorted(here, induced(order, set(here.tolist())))
    regressor, y = model.matrix[here, 0], values[here].astype(np.float64)
    nuisance = np.column_stack([np.ones(len(here)), model.matrix[here, 2:]])
    hat = nuisance @ np.linalg.pinv(nuisance)
    if method == "freedman_lane":
        residual = y - hat @ y
        y = hat @ y + residual[np.argsort(place)]
    else:
        regressor = (regressor - hat @ regressor)[place]
    matrix = np.column_stack([regressor, nuisance])
    beta = np.linalg.lstsq(matrix, y, rcond=None)[0]
    dof = len(here) - matrix.shape[1]
    scale = np.sum((y - matrix @ beta) ** 2) / dof * np.linalg.inv(matrix.T @ matrix)[0, 0]
    return float(t_to_z(beta[0] / np.sqrt(scale), dof))


@pytest.mark.parametrize("method", METHODS)
def test_every_permutation_equals_a_refit(method):
    data, model = simulated(60)
    plan = exchange.plan(model, 30, seed=3, batch_size=11, method=method)
    block, tails, exceed = run(data, model, plan)
    z = np.array(
        [[refit(data[:, v], model, o, method) for v in range(60)] for o in all_orders(plan)]
    )
    np.testing.assert_allclose(block.z, glm.fit(data, model).z, atol=2e-6)
    np.testing.assert_allclose(tails.positive, np.maximum(z.max(axis=1), 0), atol=5e-6)
    np.testing.assert_allclose(tails.negative, np.maximum(-z.min(axis=1), 0), atol=5e-6)
    np.testing.assert_array_equal(exceed, np.sum(np.abs(z) >= np.abs(block.z), axis=0))


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 299), max_size=5), size=st.integers(1, 300))
def test_bits_do_not_depend_on_blocks_or_batches(method, cuts, size):
    data, model = simulated(300)
    whole_plan = exchange.plan(model, 230, seed=7, method=method)
    _, whole, exceed = run(data, model, whole_plan)
    plan = exchange.plan(model, 230, seed=7, method=method, batch_size=size)
    edges = [0, *sorted(set(cuts)), 300]
    parts = [run(data[:, a:b], model, plan) for a, b in pairwise(edges)]
    merged = tails_of.merge_blocks([p[1] for p in parts])
    np.testing.assert_array_equal(merged.positive, whole.positive)
    np.testing.assert_array_equal(merged.negative, whole.negative)
    np.testing.assert_array_equal(np.concatenate([p[2] for p in parts]), exceed)


def test_exact_enumeration_of_all_relabelings():
    data, model = simulated(50, n=(4, 4), covariates=False)
    data = np.nan_to_num(data, nan=1.4)
    plan = exchange.plan(model, 1000)
    assert plan.exact
    assert plan.n == 69
    block, tails, exceed = run(data, model, plan)
    z = []
    for chosen in combinations(range(8), 4):
        first = np.isin(np.arange(8), chosen)
        other = design.two_sample(np.where(first, "a", "b"), "a", "b")
        z.append(glm.fit(data, other).z)
    z = np.array(z)
    maxima = np.sort(np.abs(z).max(axis=1))
    own = np.abs(block.z).max()
    expected = np.delete(maxima, np.argmin(np.abs(maxima - own)))
    np.testing.assert_allclose(np.sort(tails.both), expected, atol=1e-5)
    reached = np.sum(np.abs(z) >= np.abs(block.z) * (1 - 1e-6), axis=0)
    np.testing.assert_array_equal(exceed + 1, reached)  # the mirror image ties with the identity
    assert reached.min() >= 2


def test_relabelings_are_distinct_and_leave_out_the_identity():
    _, model = simulated(1, n=(3, 5), covariates=False)
    plan = exchange.plan(model, 100, batch_size=9)
    orders = all_orders(plan)
    labels = model.group[orders]
    assert len(np.unique(labels, axis=0)) == plan.n == 55
    assert not (labels == model.group).all(axis=1).any()
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(8), (55, 1)))


def test_people_stay_within_their_exchangeability_block():
    data, model = simulated(60, n=(8, 8))
    site = np.array(["x"] * 3 + ["y"] * 7 + ["z"] * 6)
    plan = exchange.plan(model, 40, seed=1, batch_size=40, exchangeable=list(site))
    orders = plan.orders(0)
    np.testing.assert_array_equal(site[orders], np.tile(site, (40, 1)))
    assert len(np.unique(orders, axis=0)) > 35
    _, tails, _ = run(data, model, plan)
    for k in range(3):
        z = [refit(data[:, v], model, orders[k], "freedman_lane") for v in range(60)]
        assert max(z) == pytest.approx(tails.positive[k], abs=5e-6)


@pytest.mark.parametrize("method", METHODS)
def test_scattered_blocks_hold_where_people_are_missing(method):
    """People of one site take the places of that site alone, at every voxel."""
    data, model = simulated(40, n=(8, 8))
    site = np.array(["x", "y"] * 8)
    plan = exchange.plan(model, 25, seed=1, batch_size=25, method=method, exchangeable=list(site))
    for order in plan.orders(0):
        assert all(site[k] == site[i] for k, i in enumerate(order))
        here = set(range(1, 16))
        assert all(
            site[k] == site[i] for k, i in zip(sorted(here), induced(order, here), strict=True)
        )
    _, tails, _ = run(data, model, plan)
    z = [max(refit(data[:, v], model, o, method) for v in range(40)) for o in plan.orders(0)]
    np.testing.assert_allclose(tails.positive, np.maximum(z, 0), atol=5e-6)


def test_a_site_effect_is_no_finding_when_sites_are_blocks():
    """Groups unevenly spread over two sites that differ: free exchange errs, blocks do not."""
    hits = {"free": 0, "blocks": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        site = ["x"] * 12 + ["y"] * 12
        groups = ["a"] * 9 + ["b"] * 3 + ["a"] * 3 + ["b"] * 9
        data = rng.normal(size=(24, 20)).astype(np.float32)
        data[:12] += 1
        model = design.two_sample(groups, "a", "b")
        for name, blocks in (("free", None), ("blocks", site)):
            plan = exchange.plan(model, 99, seed=seed, exchangeable=blocks)
            block, tails, _ = run(data, model, plan)
            hits[name] += null.p_fwe(np.abs(block.z).max(), tails.both) <= 0.05
    bound = 60 * 0.05 + 4 * np.sqrt(60 * 0.05 * 0.95)
    assert hits["blocks"] <= bound < hits["free"]


def test_voxels_with_too_few_people_are_not_tested():
    data, model = simulated(20)
    data[:5, 3] = np.nan
    block, _, _ = run(data, model, exchange.plan(model, 20))
    assert np.flatnonzero(np.isnan(block.z)).tolist() == [3]


def test_constant_voxels_are_not_tested():
    data, model = simulated(20)
    data[:, 10] = 1.0
    block, tails, _ = run(data, model, exchange.plan(model, 20))
    assert np.isnan(block.z[10])
    assert np.isfinite(tails.both).all()


def test_false_positives_at_the_nominal_level():
    """200 null data sets; the FWE rate at .05 lies within 4 standard errors."""
    hits = 0
    for seed in range(200):
        data, model = simulated(64, seed=seed)
        plan = exchange.plan(model, 99, seed=seed)
        block, tails, _ = run(data, model, plan)
        hits += null.p_fwe(np.nanmax(np.abs(block.z)), tails.both) <= 0.05
    assert abs(hits / 200 - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 200)
    assert hits > 0


def test_p_values_count_the_identity_once():
    tails = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(null.p_fwe([0.5, 3.0, 9.0, np.nan], tails), [1, 0.6, 0.2, np.nan])
    np.testing.assert_allclose(null.p_uncorrected([0, 4], 4), [0.2, 1.0])


@given(st.lists(st.floats(0.1, 10), min_size=19, max_size=200, unique=True))
def test_critical_value_is_where_p_crosses_alpha(values):
    values = np.array(values)
    critical = null.critical_value(values, 0.05)
    assert null.p_fwe(critical * 1.001, values) <= 0.05 or np.any(
        (values > critical) & (values <= critical * 1.001)
    )
    assert null.p_fwe(critical * 0.999, values) > 0.05


def test_critical_value_needs_enough_permutations():
    assert null.critical_value(np.ones(18), 0.05) == np.inf
