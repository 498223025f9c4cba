"""Intervals over patients and controls, against whole bootstraps, and their coverage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from rt1t2_dask.receptors.colocalisation import conclude, control_values
from rt1t2_dask.receptors.correlation import fisher_z, partial_correlation
from rt1t2_dask.receptors.intervals import bootstrap_interval, pseudo_values
from rt1t2_dask.receptors.problem import Problem, patient_z


def smooth(rng, n: int, regions: int = 60):
    """Draw people whose neighbouring regions are alike."""
    near = np.exp(-np.abs(np.subtract.outer(np.arange(regions), np.arange(regions))) / 3)
    return rng.normal(size=(n, regions)) @ np.linalg.cholesky(near).T


def problem_of(seed: int, n1: int = 11, n2: int = 18, **rules) -> Problem:
    rng = np.random.default_rng(seed)
    people, maps = smooth(rng, n1 + n2), smooth(rng, 3)
    return Problem(people[:n1], people[n1:], maps, None, **rules)


def mean_z(problem: Problem):
    """Compute the statistic with scipy, one patient and map at a time."""
    mean, spread = problem.controls.mean(axis=0), problem.controls.std(axis=0, ddof=1)
    rows = (problem.patients - mean) / spread
    rho = [[stats.spearmanr(row, pet).statistic for pet in problem.maps] for row in rows]
    return np.arctanh(rho).mean(axis=0)


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(8)
    low, high = bootstrap_interval(rng.normal(0.2, 0.3, size=(12, 400)), seed=1)
    covered = ((low < 0.2) & (high > 0.2)).mean()
    # 3 binomial standard errors round .95 at 400 columns
    assert 0.917 < covered < 0.983
    few = bootstrap_interval(rng.normal(size=(4, 2)), seed=1)
    assert np.isnan(few).all()


def test_two_samples_are_both_in_the_error():
    """Welch's interval of a sum of two means, within the noise of 5,000 resamples."""
    rng = np.random.default_rng(2)
    one, two = rng.normal(size=(200, 1)), 1.5 * rng.normal(size=(90, 1))
    low, high = bootstrap_interval(one, two, seed=0)
    error = np.sqrt(one.var(ddof=1) / 200 + two.var(ddof=1) / 90)
    assert (high - low)[0] == pytest.approx(2 * stats.t(150).ppf(0.975) * error, rel=0.05)
    assert (high + low)[0] / 2 == pytest.approx(one.mean(), abs=0.1 * error)


def test_pseudo_values_of_a_mean_are_the_values():
    values = np.random.default_rng(0).normal(size=(9, 2))
    found = pseudo_values(values.mean(axis=0), 9, lambda kept: values[kept].mean(axis=0))
    np.testing.assert_allclose(found, values)
    many = np.random.default_rng(1).normal(size=(500, 1))
    grouped = pseudo_values(many.mean(axis=0), 500, lambda kept: many[kept].mean(axis=0))
    assert grouped.shape == (100, 1)
    assert grouped.var(ddof=1) / 100 == pytest.approx(many.var(ddof=1) / 500, rel=0.4)


def test_controls_values_are_leave_one_out_by_scipy():
    problem = problem_of(0)
    found = control_values(problem, patient_z(problem))
    whole = mean_z(problem)
    for i in range(18):
        rest = mean_z(replace(problem, controls=np.delete(problem.controls, i, axis=0)))
        np.testing.assert_allclose(found[i], 18 * whole - 17 * rest)


def test_the_error_is_that_of_a_bootstrap_that_recomputes_everything():
    problem = problem_of(3)
    rng = np.random.default_rng(0)
    again = []
    for _ in range(600):
        patients, controls = rng.integers(11, size=11), rng.integers(18, size=18)
        people = problem.patients[patients], problem.controls[controls]
        z = (people[0] - people[1].mean(axis=0)) / people[1].std(axis=0, ddof=1)
        again.append(fisher_z(partial_correlation(z, problem.maps, None)).mean(axis=0))
    found = conclude(problem, [], n_permutations=0, seed=0)
    z = patient_z(problem)
    both = found.fisher_z.var(axis=0, ddof=1) / 11
    both += control_values(problem, z).var(axis=0, ddof=1) / 18
    # Resampling 11 people shrinks their variance by 10/11 and 18 by 17/18; 600 draws are 3 % off.
    np.testing.assert_allclose(np.std(again, axis=0), np.sqrt(both), rtol=0.25)
    fixed = bootstrap_interval(found.fisher_z, seed=0)
    assert (found.ci_high - found.ci_low > 1.05 * (fixed[1] - fixed[0])).all()


def test_intervals_hold_zero_in_null_studies_where_fixed_controls_do_not():
    """150 null studies of 3 maps: .95 with 3 standard errors (.018 a study's map, dependent)."""
    held, fixed = [], []
    for seed in range(150):
        problem = problem_of(1000 + seed, n1=20, n2=10)
        found = conclude(problem, [], n_permutations=0, seed=seed)
        held.append((found.ci_low < 0) & (found.ci_high > 0))
        low, high = bootstrap_interval(found.fisher_z, seed=seed)
        fixed.append((low < 0) & (high > 0))
    assert 0.91 < np.mean(held) < 0.99
    assert np.mean(fixed) < 0.85


def test_covariates_enter_each_recomputation():
    rng = np.random.default_rng(5)
    age = rng.normal(size=(29, 1))
    problem = problem_of(5, covariates=age)
    found = control_values(problem, patient_z(problem))
    design = np.c_[np.ones(29), age]
    kept = [row for row in range(29) if row != 11 + 4]
    fit = np.linalg.lstsq(design[kept[11:]], problem.people[kept[11:]], rcond=None)[0]
    error = problem.people[kept[11:]] - design[kept[11:]] @ fit
    z = (problem.patients - design[:11] @ fit) / np.sqrt((error**2).sum(axis=0) / (17 - 2))
    rest = fisher_z(partial_correlation(z, problem.maps, None)).mean(axis=0)
    whole = conclude(problem, [], n_permutations=0, seed=0).mean_fisher_z
    np.testing.assert_allclose(found[4], 18 * whole - 17 * rest)


def test_without_enough_controls_there_is_no_interval():
    few = conclude(problem_of(1, n2=4), [], n_permutations=0, seed=0)
    assert np.isnan([few.ci_low, few.ci_high]).all()
    assert np.isfinite(few.mean_fisher_z).all()
    category = np.zeros((29, 1))
    category[:3], category[20] = 1, 1  # without control 9 nobody tells what the category does
    alone = problem_of(1, covariates=category)
    assert np.isnan(conclude(alone, [], n_permutations=0, seed=0).ci_low).all()


def test_patients_alone_are_sampled_where_no_controls_are_read():
    problem = problem_of(2, comparison="each")
    assert control_values(problem, patient_z(problem)) is None
    found = conclude(problem, [], n_permutations=0, seed=3)
    expected = bootstrap_interval(found.fisher_z, seed=3)
    np.testing.assert_array_equal([found.ci_low, found.ci_high], expected)
