"""Dominance of receptor maps against relabeled people."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.dominance import total_dominance
from rt1t2_dask.receptors.dominance_null import dominance_test
from rt1t2_dask.receptors.problem import Problem

SMALL = (4, 5)


def drawn_problem(seed: int, n=SMALL, effect: float = 0.0, missing: bool = False) -> Problem:
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(3, 40))
    maps[1] += maps[0]
    people = rng.normal(size=(sum(n), 40))
    people[: n[0]] += effect * maps[0]
    if missing:
        people[0, 3] = people[-1, 5] = np.nan
    return Problem(people[: n[0]], people[n[0] :], maps, None, kind="regression")


def mean_z(people: np.ndarray, first: list[int]) -> np.ndarray:
    rest = [k for k in range(len(people)) if k not in first]
    controls = people[rest]
    z = (people[first] - controls.mean(axis=0)) / controls.std(axis=0, ddof=1)
    return z.mean(axis=0)


@pytest.mark.parametrize("missing", [False, True])
def test_every_relabeling_is_counted(missing):
    """Enumerate all choices of patients with other formulas for z, and one regression a time."""
    problem = drawn_problem(1, effect=0.4, missing=missing)
    known = ~np.isnan(problem.people).any(axis=0)
    people, maps = problem.people[:, known], problem.maps[:, known]
    n1, n = len(problem.patients), len(problem.people)
    values = np.stack([
        total_dominance(mean_z(people, list(first)), maps, kind="pearson")
        for first in combinations(range(n), n1)
    ])  # fmt: skip
    found = dominance_test(problem, 10_000, seed=0)
    np.testing.assert_allclose(found.dominance, values[0], rtol=1e-9)
    expected = (values >= values[0] - 1e-12).mean(axis=0)
    np.testing.assert_allclose(found.p, expected)
    largest = (values.max(axis=1, keepdims=True) >= values[0] - 1e-12).mean(axis=0)
    np.testing.assert_allclose(found.p_fwe, largest)


def test_a_map_that_people_follow_is_found_and_others_are_not():
    found = dominance_test(drawn_problem(2, (11, 18), effect=0.8), 499, seed=0)
    assert found.p_fwe[0] <= 0.01
    assert found.dominance.argmax() == 0
    assert found.p[2] > 0.05


@pytest.mark.slow
def test_level():
    """At .05, 400 studies without a difference: 20 expected, 32 is the upper 0.4 %."""
    p = np.array([dominance_test(drawn_problem(k, (6, 8)), 99, seed=k).p_fwe for k in range(400)])
    assert 8 <= (p.min(axis=1) <= 0.05).sum() <= 32


def test_without_relabelings_p_is_missing():
    found = dominance_test(drawn_problem(3), 0, seed=0)
    assert np.isnan(found.p).all()
    assert np.isfinite(found.dominance).all()


def test_a_map_without_values_takes_part_in_nothing():
    problem = drawn_problem(4)
    empty = np.vstack([problem.maps, np.full((1, 40), np.nan)])
    more = Problem(problem.patients, problem.controls, empty, None, kind="regression")
    found, plain = (dominance_test(each, 99, seed=0) for each in (more, problem))
    np.testing.assert_allclose(found.p[:3], plain.p)
    np.testing.assert_allclose(found.p_fwe[:3], plain.p_fwe)
    assert np.isnan(found.p[3])


def test_profiles_together_are_profiles_one_by_one():
    rng = np.random.default_rng(5)
    profiles, maps = rng.normal(size=(2, 3, 60)), rng.normal(size=(5, 60))
    gm = rng.random(60)
    together = total_dominance(profiles, maps, gm)
    one_by_one = [[total_dominance(row, maps, gm) for row in rows] for rows in profiles]
    np.testing.assert_allclose(together, one_by_one, rtol=1e-9)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_maps_that_are_one_are_refused(kind):
    maps = np.random.default_rng(6).normal(size=(3, 40))
    maps[2] = 2 * maps[0] + 1e-9
    with pytest.raises(UserError, match="nearly a combination"):
        total_dominance(maps[1], maps, kind=kind)
