"""Which relabelings make the null: all alike, enumerated when few, or JuSpace's."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.receptors.colocalisation import colocalise, null_batches, statistic
from rt1t2_dask.receptors.problem import Problem
from rt1t2_dask.receptors.relabelings import BATCH, drawn, enumerable, every, n_relabelings, regroup


def problem_of(n1: int, n2: int, seed: int = 0, regions: int = 25, **rules) -> Problem:
    rng = np.random.default_rng(seed)
    sizes = (n1, regions), (n2, regions), (3, regions), (regions,)
    return Problem(*(rng.normal(size=size) for size in sizes), **rules)


def sets(first) -> list[tuple[int, ...]]:
    return [tuple(sorted(row)) for row in first.tolist()]


def test_every_set_of_patients_is_drawn_alike():
    problem = problem_of(3, 4)
    draws = [drawn(problem, k, seed=1) for k in range(40)]
    for first, second in draws:
        whole = np.sort(np.concatenate([first, second], axis=1), axis=1)
        assert (whole == np.arange(7)).all()
    seen = [one for first, _ in draws for one in sets(first)]
    counts = [seen.count(one) for one in combinations(range(7), 3)]
    assert sum(counts) == 40 * BATCH
    assert stats.chisquare(counts).pvalue > 0.001


def test_how_many_change_sides_follows_the_hypergeometric_distribution():
    first = np.concatenate([drawn(problem_of(11, 18), k, seed=0)[0] for k in range(20)])
    stay = np.bincount((first < 11).sum(axis=1), minlength=12)
    expected = stats.hypergeom(29, 11, 11).pmf(np.arange(12)) * len(first)
    common = expected > 5
    assert (
        stats.chisquare(
            [*stay[common], stay[~common].sum()], [*expected[common], expected[~common].sum()]
        ).pvalue
        > 0.001
    )


def test_juspace_always_exchanges_the_same_number():
    problem = problem_of(11, 18, relabelings="fixed_number")
    first, second = drawn(problem, 0, seed=0)
    assert ((first < 11).sum(axis=1) == 4).all()
    assert len(set(sets(first))) > 0.9 * BATCH
    one, rest = regroup(np.arange(11)[None], np.arange(11, 29)[None], 4)
    assert sorted([*one[0], *rest[0]]) == list(range(29))
    assert not enumerable(problem_of(3, 4, relabelings="fixed_number"), 10_000)
    assert second.shape == (BATCH, 18)


@given(st.integers(0, 2**31), st.integers(1, 1200), st.integers(1, 1200))
@settings(max_examples=10, deadline=None)
def test_the_first_k_draws_do_not_depend_on_how_many_are_asked_for(seed, k, n):
    problem = problem_of(6, 9)
    nulls = [np.concatenate(null_batches(problem, number, seed))[:number] for number in (k, n)]
    shared = min(k, n)
    np.testing.assert_array_equal(nulls[0][:shared], nulls[1][:shared])


@pytest.mark.parametrize(("asked", "exact"), [(34, True), (33, False), (10_000, True)])
def test_few_relabelings_are_enumerated_once_without_the_identity(asked, exact):
    problem = problem_of(3, 4)
    assert n_relabelings(problem) == 35
    assert enumerable(problem, asked) == exact
    found = colocalise(
        problem.patients, problem.controls, problem.maps, problem.gm, n_permutations=asked
    )
    assert found.n_permutations == (34 if exact else asked)
    seen = sets(np.concatenate([first for first, _ in every(problem)]))
    assert sorted(seen) == sorted(set(combinations(range(7), 3)) - {(0, 1, 2)})


def test_the_enumerated_p_is_the_share_of_all_relabelings():
    problem = problem_of(3, 5, seed=4)
    found = colocalise(problem.patients, problem.controls, problem.maps, problem.gm)
    every_value = []
    for patients in combinations(range(8), 3):
        rest = [row for row in range(8) if row not in patients]
        every_value.append(statistic(problem, np.array([patients]), np.array([rest]))[0])
    share = (np.abs(every_value) >= np.abs(found.mean_fisher_z) - 1e-12).mean(axis=0)
    np.testing.assert_allclose(found.p_permutation, share)


def test_more_than_one_batch_is_enumerated_whole():
    problem = problem_of(5, 7)
    blocks = list(every(problem))
    assert [len(first) for first, _ in blocks] == [BATCH, 291]
    assert len(set(sets(np.concatenate([first for first, _ in blocks])))) == 791


def test_covariates_stay_so_every_order_counts():
    rng = np.random.default_rng(0)
    problem = problem_of(2, 4, covariates=rng.normal(size=(6, 1)))
    assert n_relabelings(problem) == 720
    orders = np.concatenate([np.concatenate(sides, axis=1) for sides in every(problem)])
    assert len(np.unique(orders, axis=0)) == 719
    assert (orders != np.arange(6)).any(axis=1).all()


def test_pairs_swap_in_every_way():
    problem = problem_of(5, 5, comparison="paired_difference")
    assert n_relabelings(problem) == 32
    first, second = next(every(problem))
    assert len(np.unique(first, axis=0)) == 31
    np.testing.assert_array_equal(first % 5, np.tile(np.arange(5), (31, 1)))
    np.testing.assert_array_equal((first + 5) % 10, second)
    assert enumerable(replace(problem, relabelings="fixed_number"), 31)


def test_uniform_relabelings_hold_the_level_exactly():
    """Over all 35 relabelings as the observed one, p <= a for a share of at most a."""
    problem = problem_of(3, 4, seed=7)
    p = []
    for patients in combinations(range(7), 3):
        rest = [row for row in range(7) if row not in patients]
        sides = problem.people[list(patients)], problem.people[rest], problem.maps, problem.gm
        p.append(colocalise(*sides).p_permutation)
    for level in (1 / 35, 2 / 35, 0.1, 0.5):
        np.testing.assert_array_equal(
            (np.array(p) <= level + 1e-9).sum(axis=0), int(35 * level + 1e-9)
        )


def test_the_paper_keeps_juspaces_rule_and_the_default_does_not():
    words = ("+cohort=psp",)
    assert _configure(Job(words)).receptors.relabelings == "all"
    paper = _configure(Job((*words, "method=van_grinsven_2025")))
    assert paper.receptors.relabelings == "fixed_number"
