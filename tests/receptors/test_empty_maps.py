"""A map that cannot be correlated is n/a, and everything else is as if it were not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rt1t2_dask.receptors.colocalisation import conclude, influence, null_batches
from rt1t2_dask.receptors.correlation import orthonormal, p_largest, partial_correlation, usable
from rt1t2_dask.receptors.dominance import total_dominance
from rt1t2_dask.receptors.power import simulate_power
from rt1t2_dask.receptors.problem import Problem
from rt1t2_dask.receptors.scatter import scatter
from rt1t2_dask.receptors.spatial.space import Space
from rt1t2_dask.receptors.spatial.surrogates import spatial_null

REGIONS = 40
SOUND = [0, 2, 4]
EMPTY = {
    "missing": np.full(REGIONS, np.nan),
    "constant": np.full(REGIONS, 0.3) + 1e-15 * np.arange(REGIONS),
    "three regions": np.where(np.arange(REGIONS) < 3, np.arange(REGIONS) * 1.0, np.nan),
    "constant where known": np.where(np.arange(REGIONS) % 2, 5.0, np.nan),
}


def problems(empty, seed: int = 0, **rules) -> tuple[Problem, Problem]:
    """Make a problem of three maps, and the same with an empty one between them, twice."""
    rng = np.random.default_rng(seed)
    sizes = (7, REGIONS), (9, REGIONS), (3, REGIONS), (REGIONS,)
    plain = Problem(*(rng.normal(size=size) for size in sizes), **rules)
    plain.patients[1, 4] = np.nan
    rows = [plain.maps[0], empty, plain.maps[1], empty, plain.maps[2]]
    return plain, replace(plain, maps=np.array(rows))


@pytest.mark.parametrize("empty", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("kind", ["spearman", "pearson", "regression"])
@pytest.mark.parametrize("missing", ["per_patient", "listwise"])
def test_statistics_of_the_other_maps_stay(empty, kind, missing):
    plain, more = problems(empty, kind=kind, missing=missing)
    assert more.usable.tolist() == [True, False, True, False, True]
    one, two = (
        conclude(p, null_batches(p, 99, 0), n_permutations=99, seed=0) for p in (plain, more)
    )
    for name in ("mean_fisher_z", "p_permutation", "p_fwe", "ci_low", "ci_high"):
        expected, found = getattr(one, name), getattr(two, name)
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(found[SOUND], expected, rtol=1e-12, err_msg=name)
        assert np.isnan(np.delete(found, SOUND)).all()
    np.testing.assert_allclose(influence(more)[:, SOUND], influence(plain))


@pytest.mark.parametrize("empty", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("kind", ["spearman", "regression"])
def test_spatial_p_of_the_other_maps_stay(empty, kind):
    plain, more = problems(empty, kind=kind)
    space = Space(np.random.default_rng(1).normal(size=(REGIONS, 3)) * 30, np.zeros(REGIONS, int))
    one, two = (
        spatial_null(p.patients, p.maps, p.gm, space, n=99, kind=kind) for p in (plain, more)
    )
    for name in ("p", "p_fwe"):
        np.testing.assert_array_equal(getattr(two, name)[SOUND], getattr(one, name))
        assert np.isnan(np.delete(getattr(two, name), SOUND)).all()
    np.testing.assert_array_equal(two.p_each[:, SOUND], one.p_each)


@pytest.mark.parametrize("empty", EMPTY.values(), ids=EMPTY)
def test_what_lies_beside_the_table_stays(empty):
    plain, more = problems(empty)
    np.testing.assert_allclose(scatter(more).map_left[SOUND], scatter(plain).map_left)
    assert np.isnan(np.delete(scatter(more).map_left, SOUND, axis=0)).all()
    one, two = simulate_power(plain, seed=0).power, simulate_power(more, seed=0).power
    np.testing.assert_array_equal(two[:, SOUND], one)
    assert np.isnan(np.delete(two, SOUND, axis=1)).all()
    profile = plain.patients[0]
    found = total_dominance(profile, more.maps, plain.gm)
    np.testing.assert_allclose(found[SOUND], total_dominance(profile, plain.maps, plain.gm))
    assert np.isnan(np.delete(found, SOUND)).all()


def test_power_of_a_region_nobody_has_is_silent_and_known(recwarn):
    plain, _ = problems(EMPTY["missing"])
    plain.controls[:, 7] = plain.patients[:, 7] = np.nan
    assert np.isfinite(simulate_power(plain, seed=0).power).all()
    assert not recwarn.list


def test_only_such_maps_give_no_numbers():
    plain, _ = problems(EMPTY["missing"])
    alone = replace(plain, maps=np.array(list(EMPTY.values())))
    found = conclude(alone, null_batches(alone, 20, 0), n_permutations=20, seed=0)
    assert np.isnan([found.mean_fisher_z, found.p_permutation, found.p_fwe, found.ci_low]).all()
    assert not usable(alone.maps).any()


def test_a_constant_covariate_holds_nothing_constant():
    """A basis of a constant row is empty; an arbitrary direction would be taken out of all."""
    rng = np.random.default_rng(3)
    rows, maps = rng.normal(size=(4, 30)), rng.normal(size=(2, 30))
    plain = partial_correlation(rows, maps, None)
    np.testing.assert_allclose(partial_correlation(rows, maps, np.full(30, 0.2)), plain)
    twice = np.stack([maps[0], maps[0] * 2 + 1, rng.normal(size=30)])
    assert orthonormal(twice).shape == (2, 30)
    held = partial_correlation(rows, maps[1:], twice, "pearson")
    np.testing.assert_allclose(held, partial_correlation(rows, maps[1:], twice[1:], "pearson"))


def test_family_wise_p_is_of_the_largest_studentised_statistic():
    rng = np.random.default_rng(4)
    null = rng.normal(size=(400, 5)) * [1, 1, 8, 0.1, 1]
    null[:, 4] = np.nan
    observed = np.array([2.9, -1.0, 5.0, 0.5, np.nan])
    units = [np.r_[observed[j], null[:, j]].std(ddof=1) for j in range(4)]
    largest = [max(abs(row[j]) / units[j] for j in range(4)) for row in null]
    expected = [
        (1 + sum(each >= abs(observed[j]) / units[j] for each in largest)) / 401 for j in range(4)
    ]
    found = p_largest(observed, null)
    np.testing.assert_allclose(found[:4], expected)
    assert np.isnan(found[4])
    # The narrowest null of all is not drowned by the widest.
    assert found[3] < 0.01
    scaled = p_largest(observed * [1, 3, 0.2, 40, 1], null * [1, 3, 0.2, 40, 1])
    np.testing.assert_allclose(scaled, found)


def test_family_wise_p_is_never_below_the_single_one():
    plain, _ = problems(EMPTY["missing"], seed=6)
    found = conclude(plain, null_batches(plain, 500, 0), n_permutations=500, seed=0)
    assert (found.p_fwe >= found.p_permutation).all()
    nothing = conclude(plain, [], n_permutations=0, seed=0)
    assert np.isnan(nothing.p_fwe).all()
