"""The receptor analysis against JuSpace, against scipy, and for its invariants."""

from __future__ import annotations

import math
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.colocalisation import (
    colocalise,
    conclude,
    null_batch,
    statistic,
)
from rt1t2_dask.receptors.correlation import p_value, partial_correlation
from rt1t2_dask.receptors.maps import shipped_means, shipped_names
from rt1t2_dask.receptors.problem import Problem
from rt1t2_dask.receptors.relabelings import BATCH, n_batches, regroup

HERE = Path(__file__).parents[1] / "reference"


def read(path: Path):
    return np.loadtxt(path, delimiter=",")


def oracle(name: str):
    first = os.environ.get("RT1T2_ASSETS", "").split(os.pathsep)[0]
    folder = Path(first).parent / "reference" / "juspace" / "out"
    if not first or not folder.is_dir():
        pytest.skip("RT1T2_ASSETS names no folder beside reference/juspace")
    return read(folder / f"{name}.csv")


def logged_exchanges(first, second, n1: int, n2: int):
    patients, controls = first.astype(int) - 1, second.astype(int) - 1 + n1
    return regroup(patients, controls, math.floor(n1 * n1 / (n1 + n2) + 0.5))


def same_within_monte_carlo(ours, theirs, n: int) -> bool:
    """Two independent estimates of a p value differ by less than five standard errors."""
    error = np.sqrt(2 * theirs * (1 - theirs) / n) + 1 / n
    return bool((np.abs(ours - theirs) < 5 * error).all())


def problem_of_the_kept_oracle() -> Problem:
    d1, d2, gm = (read(HERE / f"juspace_{n}.csv") for n in ("nan_D1", "nan_D2", "T1_gm"))
    maps = shipped_means()[shipped_names()].to_numpy().T
    return Problem(d1, d2, maps, gm, "listwise")


def test_kept_oracle_fisher_z_and_logged_permutations():
    problem = problem_of_the_kept_oracle()
    found = conclude(problem, [], n_permutations=0, seed=0)
    expected = read(HERE / "juspace_nan_opt51_adj1_res_ind.csv")
    np.testing.assert_allclose(found.fisher_z, expected, atol=1e-6)
    expected = read(HERE / "juspace_nan_opt51_adj1_res.csv")
    np.testing.assert_allclose(found.mean_fisher_z, expected, atol=1e-6)
    assert (found.n_regions == 116).all()
    orders = [read(HERE / f"juspace_perm200_ord_i{i}.csv") for i in (1, 2)]
    null = statistic(problem, *logged_exchanges(*orders, 8, 10))
    expected = read(HERE / "juspace_nan_opt51_adj1_exactp200.csv")
    np.testing.assert_allclose(p_value(found.mean_fisher_z, null), expected, atol=1e-9)


def test_kept_oracle_exact_p_at_10000():
    problem = problem_of_the_kept_oracle()
    sides = problem.patients, problem.controls, problem.maps, problem.gm
    found = colocalise(*sides, missing="listwise", seed=5, relabelings="fixed_number")
    expected = read(HERE / "juspace_nan_opt51_adj1_exactp10000.csv")
    assert same_within_monte_carlo(found.p_permutation, expected, 10_000)


@pytest.mark.assets
@pytest.mark.parametrize("case", ["clean", "nan"])
@pytest.mark.parametrize("adjusted", [0, 1])
def test_juspace_number_for_number(case, adjusted):
    run = f"{case}_opt51_adj{adjusted}"
    gm = oracle("T1_gm") if adjusted else None
    problem = Problem(
        oracle(f"{case}_D1"), oracle(f"{case}_D2"), oracle("data_PET"), gm, "listwise"
    )
    found = conclude(problem, [], n_permutations=0, seed=0)
    np.testing.assert_allclose(found.rho, oracle(f"{run}_corrOrig"), atol=1e-6)
    np.testing.assert_allclose(found.fisher_z, oracle(f"{run}_res_ind"), atol=1e-6)
    np.testing.assert_allclose(found.mean_fisher_z, oracle(f"{run}_res"), atol=1e-6)
    orders = oracle("perm200_ord_i1"), oracle("perm200_ord_i2")
    null = statistic(problem, *logged_exchanges(*orders, 8, 10))
    np.testing.assert_allclose(null, oracle(f"{run}_r_all200"), atol=1e-6)
    p = p_value(found.mean_fisher_z, null)
    np.testing.assert_allclose(p, oracle(f"{run}_exactp200"), atol=1e-9)


def scipy_statistic(problem: Problem):
    """Say the same with scipy, one patient and one map at a time."""
    mean = np.nanmean(problem.controls, axis=0)
    z = (problem.patients - mean) / np.nanstd(problem.controls, axis=0, ddof=1)
    out = np.empty((len(z), len(problem.maps)))
    for i, row in enumerate(z):
        for j, pet in enumerate(problem.maps):
            keep = ~np.isnan(row) & ~np.isnan(pet) & ~np.isnan(problem.gm)
            a, b, g = (stats.rankdata(x[keep]) for x in (row, pet, problem.gm))
            design = np.c_[np.ones(len(g)), g]
            a, b = (x - design @ np.linalg.lstsq(design, x, rcond=None)[0] for x in (a, b))
            out[i, j] = np.arctanh(stats.pearsonr(a, b).statistic)
    return out


def random_problem(seed: int, n1=5, n2=6, regions=30, maps=3) -> Problem:
    rng = np.random.default_rng(seed)
    tied = np.round(rng.normal(size=(maps, regions)), 1)
    return Problem(
        rng.normal(size=(n1, regions)), rng.normal(size=(n2, regions)), tied, rng.random(regions)
    )


def with_gaps(problem: Problem) -> Problem:
    patients, controls, maps = (
        side.copy() for side in (problem.patients, problem.controls, problem.maps)
    )
    patients[0, 3], patients[2, :5], controls[1, 7], maps[1, 9] = [np.nan] * 4
    return replace(problem, patients=patients, controls=controls, maps=maps)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=30)
def test_observed_statistic_equals_scipy(seed, gaps):
    problem = random_problem(seed)
    problem = with_gaps(problem) if gaps else problem
    found = conclude(problem, [], n_permutations=0, seed=0)
    np.testing.assert_allclose(found.fisher_z, scipy_statistic(problem), atol=1e-9)
    np.testing.assert_allclose(found.mean_rho, np.tanh(scipy_statistic(problem)).mean(axis=0))


def test_null_equals_scipy_draw_by_draw():
    problem = with_gaps(random_problem(11))
    rng = np.random.default_rng(2)
    for _ in range(20):
        order = rng.permutation(11)
        first, second = order[:5], order[5:]
        shuffled = replace(problem, patients=problem.people[first], controls=problem.people[second])
        expected = scipy_statistic(shuffled).mean(axis=0)
        np.testing.assert_allclose(statistic(problem, first[None], second[None])[0], expected)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(0, 29))
@settings(max_examples=30)
def test_a_missing_region_in_one_patient_changes_no_one_else(seed, patient, region):
    problem = random_problem(seed)
    patients = problem.patients.copy()
    patients[patient, region] = np.nan
    before = conclude(problem, [], n_permutations=0, seed=0).rho
    after = conclude(replace(problem, patients=patients), [], n_permutations=0, seed=0).rho
    others = np.delete(np.arange(5), patient)
    np.testing.assert_allclose(after[others], before[others], rtol=0, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(0, 29))
@settings(max_examples=30)
def test_a_missing_region_in_one_map_changes_no_other_map(seed, region):
    problem = random_problem(seed)
    maps = problem.maps.copy()
    maps[1, region] = np.nan
    before = conclude(problem, [], n_permutations=0, seed=0).rho
    after = conclude(replace(problem, maps=maps), [], n_permutations=0, seed=0).rho
    np.testing.assert_allclose(after[:, [0, 2]], before[:, [0, 2]], rtol=0, atol=1e-12)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_maps_enter_by_their_ranks_alone_and_units_do_not_matter(seed):
    problem = random_problem(seed)
    other = replace(
        problem,
        patients=3 * problem.patients + 7,
        controls=3 * problem.controls + 7,
        maps=np.exp(problem.maps),
        gm=problem.gm**3,
    )
    a, b = (conclude(p, [], n_permutations=0, seed=0).rho for p in (problem, other))
    np.testing.assert_allclose(a, b, atol=1e-9)


def test_null_does_not_depend_on_how_batches_are_run():
    problem = with_gaps(random_problem(4, n1=6, n2=9))
    whole = colocalise(
        problem.patients, problem.controls, problem.maps, problem.gm, n_permutations=1100, seed=9
    )
    assert n_batches(1100) == 3
    elsewhere = pickle.loads(pickle.dumps(problem))
    batches = {k: null_batch(elsewhere, k, 9) for k in (2, 0, 1)}
    again = conclude(problem, [batches[k] for k in range(3)], n_permutations=1100, seed=9)
    np.testing.assert_array_equal(whole.null, again.null)
    np.testing.assert_array_equal(whole.ci_low, again.ci_low)
    fewer = colocalise(
        problem.patients, problem.controls, problem.maps, problem.gm, n_permutations=600, seed=9
    )
    np.testing.assert_array_equal(fewer.null, whole.null[:600])
    assert not np.array_equal(batches[0], batches[1])


def test_p_counts_the_observed_once():
    null = np.array([[0.5, -2.0], [-1.0, 0.1], [0.2, 0.3]])
    np.testing.assert_allclose(p_value(np.array([1.0, 0.3]), null), [2 / 4, 3 / 4])
    assert np.isnan(p_value(np.array([np.nan, 1.0]), null)).tolist() == [True, False]
    assert np.isnan(p_value(np.array([1.0, 1.0]), null[:0])).all()


@pytest.mark.heavy
def test_p_is_uniform_without_an_effect_and_small_with_one():
    rng = np.random.default_rng(1)
    maps, gm = rng.normal(size=(1, 40)), rng.random(40)
    p = []
    for k in range(200):
        people = rng.normal(size=(20, 40))
        found = colocalise(people[:8], people[8:], maps, gm, n_permutations=199, seed=k)
        p.append(found.p_permutation[0])
    assert stats.kstest(p, "uniform").pvalue > 0.001
    people[:8] += 1.5 * maps
    found = colocalise(people[:8], people[8:], maps, gm, n_permutations=999, seed=0)
    assert found.p_permutation[0] == 1 / 1000
    assert found.mean_fisher_z[0] > 0.5


def test_one_patient_keeps_a_statistic_per_map():
    problem = random_problem(2, n1=1)
    found = conclude(problem, [null_batch(problem, 0, 0)], n_permutations=BATCH, seed=0)
    assert np.isfinite(found.mean_fisher_z).all()
    assert np.isfinite(found.p_permutation).all()
    assert np.isnan(found.ci_low).all()


def test_too_few_regions_or_no_variance_give_no_number():
    rows = np.full((2, 10), np.nan)
    rows[0, :3] = 1, 2, 3
    rows[1] = 5.0
    rho = partial_correlation(rows, np.arange(10.0)[None], None)
    assert np.isnan(rho).all()
    same_as_covariate = np.arange(10.0)
    rho = partial_correlation(
        same_as_covariate[None], rows[1:] + same_as_covariate % 3, same_as_covariate
    )
    assert np.isnan(rho).all()


def test_controls_that_do_not_differ_have_no_z():
    problem = random_problem(6)
    controls = problem.controls.copy()
    controls[:, 4] = 0.1
    ours = conclude(replace(problem, controls=controls), [], n_permutations=0, seed=0)
    assert (ours.n_regions == 29).all()
    juspace = replace(problem, controls=controls, missing="listwise")
    assert (conclude(juspace, [], n_permutations=0, seed=0).n_regions == 30).all()


def test_wrong_input_is_refused_with_its_numbers():
    problem = random_problem(0)
    with pytest.raises(UserError, match="number of regions"):
        replace(problem, maps=problem.maps[:, :20])
    with pytest.raises(UserError, match="5 patients and 2 controls"):
        replace(problem, controls=problem.controls[:2])
