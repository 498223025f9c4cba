"""Signs, blocks and F contrasts under exchange, against refitting every model."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.clusters import spatial
from rt1t2_dask.stats.clusters.lattice import lattice
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange, null, pareto


def make(matrix, contrast, **options):
    matrix = np.asarray(matrix, float)
    names = tuple(f"c{k}" for k in range(matrix.shape[1]))
    group = np.array(options.pop("group", ["a"] * len(matrix)))
    rows = np.arange(len(matrix))
    return Design(matrix, names, group, np.asarray(contrast, float), rows, **options)


def one_sample(n, seed=0, voxels=40):
    rng = np.random.default_rng(seed)
    return rng.normal(0.2, 1, (n, voxels)), make(np.ones((n, 1)), [1], flips=True)


def three_groups(seed=0, voxels=30, missing=True):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [6, 7, 8])
    matrix = np.column_stack([labels[:, None] == np.arange(3), rng.normal(size=21)])
    data = rng.normal(size=(21, voxels))
    if missing:
        data[2, :10] = np.nan
        data[[9, 16], 5:15] = np.nan
    contrast = [[1, 0], [-1, 1], [0, -1], [0, 0]]
    return data, make(matrix, contrast, group=np.array(["a", "b", "c"])[labels])


def run(data, design, plan):
    block = permutation.prepare(data, design, plan)
    return block, permutation.run_batch(block, plan, 0)


def f_by_refit(values, design, order):
    """F of one voxel under one relabeling, by fitting the full and the reduced model."""
    here = np.flatnonzero(np.isfinite(values))
    y, matrix = values[here], design.matrix[here]
    reduced = matrix @ np.linalg.svd(design.contrast.T)[2][design.q :].T
    hat = reduced @ np.linalg.pinv(reduced)
    new = np.empty(len(y))
    for k, person in enumerate(here):
        place, sign = order[person], 1 - 2 * (order[person] < 0)
        place = ~place if place < 0 else place
        while place not in here:
            place = ~order[place] if order[place] < 0 else order[place]
        new[np.searchsorted(here, place)] = sign * (y - hat @ y)[k]
    new += hat @ y

    def left(columns):
        return float(np.sum((new - columns @ np.linalg.lstsq(columns, new, rcond=None)[0]) ** 2))

    dof = len(y) - matrix.shape[1]
    f = (left(reduced) - left(matrix)) / design.q / (left(matrix) / dof)
    return f, dof


@pytest.mark.parametrize("kind", ["order", "sign", "both"])
def test_f_of_every_relabeling_equals_a_refit(kind):
    data, design = three_groups()
    plan = exchange.plan(design, 12, seed=2, exchange=kind)
    block, found = run(data, design, plan)
    values = [
        [f_by_refit(data[:, v], design, o) for v in range(data.shape[1])] for o in plan.orders(0)
    ]
    z = np.array([[stats.norm.isf(stats.f.sf(f, 2, d) / 2) for f, d in row] for row in values])
    np.testing.assert_allclose(found.tails.positive, z.max(axis=1), atol=2e-5)
    assert not found.tails.negative.any()
    np.testing.assert_array_equal(found.exceed, np.sum(z >= block.z, axis=0))


def test_f_of_one_weight_is_t_squared():
    data, design = three_groups(missing=False)
    t = make(design.matrix, design.contrast[:, :1], group=design.group)
    plan = exchange.plan(t, 20, seed=1)
    block, _ = run(data, t, plan)
    for v in range(5):
        f, dof = f_by_refit(data[:, v], t, np.arange(21))
        p = 2 * stats.norm.sf(abs(block.z[v]))
        assert p == pytest.approx(stats.f.sf(f, 1, dof), rel=1e-4)


def test_all_sign_flips_of_one_sample_against_scipy():
    data, design = one_sample(8)
    plan = exchange.plan(design, 1000)
    assert plan.exact
    assert plan.n == 2**8 - 1
    block, _ = run(data, design, plan)
    batches = [permutation.run_batch(block, plan, k) for k in range(plan.n_batches)]
    tops = np.concatenate([b.tails.both for b in batches])
    flipped = [
        stats.ttest_1samp(data * np.array(s)[:, None], 0) for s in product([1, -1], repeat=8)
    ]
    z = np.array([stats.norm.isf(r.pvalue / 2) for r in flipped])
    expected = np.sort(z.max(axis=1))
    own = np.append(tops, np.abs(block.z).max())
    np.testing.assert_allclose(np.sort(own), expected, atol=1e-4)
    reached = np.sum(z >= z[0] * (1 - 1e-9), axis=0)
    np.testing.assert_array_equal(np.sum([b.exceed for b in batches], axis=0) + 1, reached)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.integers(0, 50))
def test_drawn_signs_flip_each_person_half_of_the_time(n, seed):
    plan = exchange.PermutationPlan(512, seed, n, 512, exchange="sign")
    orders = plan.orders(0)
    places = np.where(orders < 0, ~orders, orders)
    np.testing.assert_array_equal(places, np.tile(np.arange(n), (512, 1)))
    assert np.all(np.abs((orders < 0).mean(axis=0) - 0.5) < 0.12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 50), st.sampled_from(["order", "both"]))
def test_whole_blocks_keep_their_rows_together(seed, kind):
    design = make(np.column_stack([np.ones(9), np.arange(9)]), [0, 1])
    family = ["x", "y", "x", "y", "z", "z", "w", "w", "w"]
    plan = exchange.plan(design, 64, seed, exchange=kind, exchangeable=family, whole=True)
    for order in plan.orders(0):
        places = np.where(order < 0, ~order, order)
        assert sorted(places) == list(range(9))
        for name in "xyz":
            own = [k for k in range(9) if family[k] == name]
            assert len({family[places[k]] for k in own}) == 1
            assert len({bool(order[k] < 0) for k in own}) == 1
        assert places[6:].tolist() == [6, 7, 8]


def test_blocks_without_a_match_are_refused():
    design = make(np.ones((3, 1)), [1])
    with pytest.raises(UserError, match="same number of rows"):
        exchange.plan(design, 5, exchange="order", exchangeable=["x", "x", "y"], whole=True)


def test_exact_enumeration_within_blocks():
    """Two patients and two controls in each of two sites: 6 x 6 relabelings."""
    group = np.array([0, 0, 1, 1] * 2)
    design = make(np.column_stack([group == 0, group == 1]), [1, -1])
    plan = exchange.plan(design, 100, exchangeable=["x"] * 4 + ["y"] * 4)
    assert plan.exact
    assert plan.n == 35
    labels = group[plan.orders(0)]
    assert len(np.unique(labels, axis=0)) == 35
    assert (labels[:, :4].sum(axis=1) == 2).all()


def test_smith_is_refused_for_f():
    _, design = three_groups()
    with pytest.raises(UserError, match="freedman_lane"):
        exchange.plan(design, 5, method="smith")


def test_blocks_of_voxels_join_to_the_bits_of_the_whole():
    rng = np.random.default_rng(0)
    mask = rng.random((8, 7, 6)) < 0.9
    data, design = three_groups(voxels=int(mask.sum()))
    plan = exchange.plan(design, 20, seed=3)
    search = spatial.Search(lattice(mask, 18), lattice(mask, 26), 0.05)
    edges = [np.arange(k, data.shape[1], 3) for k in range(3)]
    parts = [(e, permutation.prepare(data[:, e], design, plan)) for e in edges]
    whole = [(np.arange(data.shape[1]), permutation.prepare(data, design, plan))]
    one, many = (spatial.relabel(b, plan.orders(0), search) for b in (whole, parts))
    few = spatial.relabel_in_chunks(parts, plan.orders(0), search)
    for name in ("max_t", "extent", "mass", "tfce"):
        for other in (many, few):
            np.testing.assert_allclose(other.tails[name].both, one.tails[name].both, rtol=1e-12)
    np.testing.assert_array_equal(many.exceed, one.exceed)


def test_pareto_tail_gives_known_probabilities():
    """Maxima of an exponential: the tail is exponential, so p beyond the null is known."""
    rng = np.random.default_rng(1)
    known = rng.exponential(size=2000)
    tail = pareto.fit_tail(known)
    assert tail is not None
    for value in (2.0, 4.0, 6.0):
        assert float(tail.p(value)) == pytest.approx(np.exp(-value), rel=0.7)
    p = null.p_fwe([0.1, 9.0], known, tail)
    assert p[0] == null.p_fwe(0.1, known)
    assert p[1] < 1 / 2001 if tail.shape <= 0 else p[1] == 1 / 2001


def test_a_tail_that_ends_gives_no_p_that_counting_cannot():
    """Beyond the largest value of a bounded null its fit says 0; counting says 1 / (n + 1)."""
    rng = np.random.default_rng(3)
    bounded = pareto.fit_tail(rng.beta(2, 3, size=1500))
    assert bounded.shape > 0
    end = bounded.threshold + bounded.scale / bounded.shape
    p = bounded.p(np.linspace(bounded.threshold, 2 * end, 200))
    assert p.min() == 1 / 1501
    assert (np.diff(p) <= 0).all()
    inside = bounded.threshold + 0.3 * (end - bounded.threshold)
    wanted = (
        stats.genpareto.sf(inside - bounded.threshold, -bounded.shape, scale=bounded.scale)
        * bounded.share
    )
    assert float(bounded.p(inside)) == pytest.approx(wanted)
    heavy = pareto.fit_tail(rng.standard_t(3, size=1500) ** 2)
    assert heavy.shape < 0
    assert float(heavy.p(1e4)) < 1 / 1501


def test_fewer_than_a_thousand_have_no_tail():
    drawn = np.random.default_rng(0).exponential(size=1000)
    assert pareto.fit_tail(drawn) is not None
    assert pareto.fit_tail(drawn[:999]) is None
    with pytest.raises(UserError, match=r"permute\.n=999.*at least 1000; raise permute\.n"):
        pareto.require_relabelings(999)


def test_pareto_fit_equals_scipy():
    """Moments estimate near the maximum likelihood of scipy on a tail of known shape."""
    drawn = stats.genpareto.rvs(-0.2, scale=1.5, size=4000, random_state=3)
    scale, shape = (float(v[0]) for v in pareto._moments(np.sort(drawn)[None]))
    c, _, fitted = stats.genpareto.fit(drawn, floc=0)
    assert -shape == pytest.approx(c, abs=0.05)
    assert scale == pytest.approx(fitted, rel=0.05)
    np.testing.assert_allclose(
        pareto._distribution(drawn, scale, shape), stats.genpareto.cdf(drawn, -shape, scale=scale)
    )


@given(st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_pareto_p_falls_with_the_value(seed):
    drawn = np.random.default_rng(seed).normal(size=1200)
    tail = pareto.fit_tail(drawn)
    if tail is not None:
        p = tail.p(np.linspace(tail.threshold, tail.threshold + 9, 50))
        assert np.all(np.diff(p) <= 1e-15)
        assert p.min() >= tail.smallest


def test_no_tail_is_fitted_to_a_constant():
    assert pareto.fit_tail(np.ones(1500)) is None


def test_sequential_p_of_besag_and_clifford():
    known = np.array([1.0, 5, 1, 5, 1, 1, 5, 5])
    assert null.p_sequential(4.0, known, 2) == 2 / 4
    assert null.p_sequential(4.0, known, 9) == 5 / 9


def test_sequential_p_is_uniform_under_the_null():
    rng = np.random.default_rng(0)
    p = [null.p_sequential(rng.normal(), rng.normal(size=199), 5) for _ in range(2000)]
    for level in (0.05, 0.2, 0.5):
        rate = np.mean(np.array(p) <= level)
        assert rate <= level + 4 * np.sqrt(level * (1 - level) / 2000)
