"""The shrunken gain against sampling from its model, and what must never change it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wishart

from rt1t2_dask.ratio.anchors import Anchors
from rt1t2_dask.ratio.corrections import Corrections, Scan, correct, disagreement
from rt1t2_dask.ratio.gain import decide, estimate, people_in_sums, spread, within_groups


def cohort(rng, n, sd_gain, sd_ratio=0.05, sd_anchor=0.08):
    gain = rng.normal(0, sd_gain, n) if sd_gain else np.zeros(n)
    log_ratio = rng.normal(0, sd_ratio, n) + gain
    return log_ratio, rng.normal(0, sd_anchor, n) + gain, [f"g{k % 2}" for k in range(n)]


def scan(log_ratio, fluid, group="g", person="p", muscle=None, eye=None, protocol=0):
    other = fluid + 1.0
    return Scan(
        Anchors(
            log_ratio, log_ratio, log_ratio, log_ratio, fluid,
            other if muscle is None else muscle, other if eye is None else eye, 500, True,
        ),
        protocol, group, person,
    )  # fmt: skip


def scans_of(log_ratio, anchor, group):
    return [
        scan(float(y), float(a), g, f"p{k}")
        for k, (y, a, g) in enumerate(zip(log_ratio, anchor, group, strict=True))
    ]


def test_within_groups_averages_repeats_and_leaves_group_means_out():
    y, a = [0.0, 0.2, 1.0, 1.4, 1.3], [1.0, 1.2, 5.0, 5.5, 6.5]
    sums, dof = within_groups(y, a, ["x", "x", "y", "y", "y"], ["1", "2", "3", "4", "4"])
    first = np.cov([[0.0, 0.2], [1.0, 1.2]])
    second = np.cov([[1.0, 1.35], [5.0, 6.0]])
    np.testing.assert_allclose(sums, first + second)
    assert dof == 2


@pytest.mark.parametrize(
    ("group", "person", "people"),
    [
        ("aaaaaa", "123456", 6),
        ("aabbbc", "123456", 5),
        ("abcd", "1234", 0),
        ("aaab", "1123", 2),
        ("aaabbb", "123123", 3),
        ("", "", 0),
    ],
)
def test_who_is_alone_in_a_group_or_there_again_is_in_no_sum(group, person, people):
    assert people_in_sums(group, person) == people
    keys = list(zip(group, person, strict=True))
    single = [group.count(g) == 1 for g, _ in keys]
    y = np.arange(len(keys), dtype=float)
    moved = y + 9.0 * np.array(single, float)
    if keys:
        both = [within_groups(v, v, list(group), list(person))[0] for v in (y, moved)]
        np.testing.assert_allclose(*both)


@pytest.mark.heavy
@pytest.mark.parametrize(("n", "sd_gain"), [(6, 0.1), (12, 0.0), (12, 0.1), (30, 0.42)])
def test_lambda_equals_sampling_from_the_model(n, sd_gain):
    rng = np.random.default_rng(n)
    sums, dof = within_groups(*cohort(rng, n, sd_gain))
    draws = 40_000
    s_b = 0.05 * np.exp(rng.normal(0, np.log(1.5), draws))
    s_e = 0.08 * np.exp(rng.normal(0, np.log(1.7), draws))
    s_g = np.where(rng.random(draws) < 0.5, 0.0, np.exp(rng.uniform(np.log(0.02), 0, draws)))
    logs = np.array([
        wishart.logpdf(sums, dof, [[b * b + g * g, g * g], [g * g, e * e + g * g]])
        for b, e, g in zip(s_b, s_e, s_g, strict=True)
    ])  # fmt: skip
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    found = estimate(sums, dof)
    error = 5 / np.sqrt(1 / np.sum(weights**2))
    assert found.weight == pytest.approx(weights @ (s_g**2 / (s_g**2 + s_e**2)), abs=error)
    assert found.p_gain == pytest.approx(weights @ (s_g > 0), abs=error)
    assert 0 <= found.low <= found.weight <= found.high <= 1


def test_no_gain_leaves_everybody_as_they_are():
    found = correct(scans_of(*cohort(np.random.default_rng(1), 20, 0.0)))
    assert found.decisions[0].weight == 0 and found.decisions[0].reason
    assert not found.log_gain.any()


def test_gain_is_taken_out():
    y, a, group = cohort(np.random.default_rng(2), 24, 0.4)
    found = correct(scans_of(y, a, group))
    decision = found.decisions[0]
    assert decision.weight > 0.8 and decision.estimate.p_gain > 0.99
    np.testing.assert_allclose(found.log_gain, decision.weight * (a - a.mean()))
    assert np.std(y - found.log_gain) < np.std(y) / 3
    assert decision.corrected_sd < decision.raw_sd / 3


def test_too_few_people_are_left_alone():
    found = correct(scans_of([0.0, 0.6, 0.1], [0.0, 0.6, 0.3], ["a", "a", "b"]))
    assert found.decisions[0].dof == 1
    assert "2 are needed" in found.decisions[0].reason
    assert not found.log_gain.any()


def test_each_protocol_is_on_its_own():
    rng = np.random.default_rng(3)
    steady, wild = cohort(rng, 16, 0.0), cohort(rng, 16, 0.4)
    both = scans_of(*steady) + [
        Scan(one.anchors, 1, one.group, one.person) for one in scans_of(*wild)
    ]
    found = correct(both)
    assert found.decisions[0].weight == 0 < found.decisions[1].weight
    assert not found.log_gain[:16].any() and found.log_gain[16:].all()


def test_another_sequence_is_flagged_and_moves_nobody():
    y, a, group = cohort(np.random.default_rng(4), 12, 0.4)
    alone = correct(scans_of(y, a, group))
    strange = scan(0.5, 0.9, "g0", "stranger", muscle=0.9 + 1.6, eye=0.9 + 1.0)
    found = correct([*scans_of(y, a, group), strange])
    assert found.flagged.tolist() == [False] * 12 + [True]
    assert found.log_gain[-1] == 0
    np.testing.assert_array_equal(found.log_gain[:12], alone.log_gain)


def test_gain_alone_never_flags():
    y, a, group = cohort(np.random.default_rng(5), 10, 1.0)
    assert not correct(scans_of(y, a, group)).flagged.any()


def test_one_anchor_tells_nothing_apart():
    lone = [scan(0.0, 0.1, muscle=float("nan"), eye=float("nan")).anchors]
    assert np.isnan(disagreement(lone)).all()


def test_unknown_fluid_is_left_raw():
    y, a, group = cohort(np.random.default_rng(6), 14, 0.4)
    scans = scans_of(y, a, group)
    scans[3] = scan(float(y[3]), float("nan"), group[3], "p3")
    found = correct(scans)
    assert found.log_gain[3] == 0 and np.isnan(found.anchor[3]) and found.decisions[0].weight > 0


tables = st.integers(0, 2**32 - 1)


@given(tables, st.integers(3, 20), st.sampled_from([0.0, 0.05, 0.3]))
@settings(max_examples=30)
def test_order_changes_no_bit(seed, n, sd_gain):
    rng = np.random.default_rng(seed)
    scans = scans_of(*cohort(rng, n, sd_gain))
    order = rng.permutation(n)
    one, other = correct(scans), correct([scans[k] for k in order])
    for name in ("log_gain", "anchor", "apart", "flagged"):
        np.testing.assert_array_equal(getattr(one, name)[order], getattr(other, name))
    assert one.decisions == other.decisions


@given(tables, st.integers(2, 20), st.sampled_from([0.0, 0.05, 0.3]))
@settings(max_examples=50)
def test_spread_never_grows(seed, n, sd_gain):
    sums, dof = within_groups(*cohort(np.random.default_rng(seed), n, sd_gain))
    decision = decide(sums, dof)
    assert not spread(sums, dof, decision.weight) > spread(sums, dof, 0.0)


@given(tables, st.floats(-9, 9), st.sampled_from([0.0, 0.3]))
@settings(max_examples=30)
def test_a_factor_common_to_everybody_changes_nothing(seed, shift, sd_gain):
    y, a, group = cohort(np.random.default_rng(seed), 12, sd_gain)
    one, other = (
        correct(scans_of(y + by, a + by, group)) for by in (0.0, shift)
    )  # fmt: skip
    assert_same(one, other)


def assert_same(one: Corrections, other: Corrections) -> None:
    np.testing.assert_allclose(one.log_gain, other.log_gain, atol=1e-9)
    assert (one.decisions[0].weight > 0) == (other.decisions[0].weight > 0)
