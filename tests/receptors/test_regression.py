"""Multiple regression on all maps, patients alone, and power: against statsmodels and truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.colocalisation import conclude, null_batch
from rt1t2_dask.receptors.correlation import partial_correlation
from rt1t2_dask.receptors.power import EFFECTS_SD, detectable, simulate_power
from rt1t2_dask.receptors.problem import Problem, patient_z
from rt1t2_dask.receptors.spatial.space import Space
from rt1t2_dask.receptors.spatial.surrogates import spatial_null


def random_problem(seed: int, n1=6, n2=9, regions=60, maps=3, **rules) -> Problem:
    rng = np.random.default_rng(seed)
    return Problem(
        rng.normal(size=(n1, regions)),
        rng.normal(size=(n2, regions)),
        rng.normal(size=(maps, regions)),
        rng.random(regions),
        **rules,
    )


def test_regression_is_the_t_of_ordinary_least_squares():
    problem = random_problem(0)
    rho = partial_correlation(problem.patients, problem.maps, problem.gm, "regression")
    design = sm.add_constant(np.column_stack([*problem.maps, problem.gm]))
    for row, found in zip(problem.patients, rho, strict=True):
        result = sm.OLS(row, design).fit()
        t = result.tvalues[1:4]
        np.testing.assert_allclose(found, t / np.sqrt(t**2 + result.df_resid), atol=1e-12)


def test_a_missing_region_of_one_map_leaves_the_regression():
    problem = random_problem(1)
    maps = problem.maps.copy()
    maps[1, 5] = np.nan
    found = partial_correlation(problem.patients, maps, problem.gm, "regression")
    keep = np.arange(60) != 5
    expected = partial_correlation(
        problem.patients[:, keep], problem.maps[:, keep], problem.gm[keep], "regression"
    )
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["spearman", "pearson", "regression"])
def test_each_persons_spatial_p_is_of_that_person(kind):
    problem = random_problem(2)
    rng = np.random.default_rng(3)
    space = Space(rng.normal(size=(60, 3)) * 30, np.zeros(60, dtype=np.intp))
    rows = problem.patients
    rows[0] += 3 * problem.maps[1]
    found = spatial_null(rows, problem.maps, problem.gm, space, n=199, kind=kind)
    alone = spatial_null(rows[:1], problem.maps, problem.gm, space, n=199, kind=kind)
    np.testing.assert_allclose(found.p_each[:1], alone.p_each)
    np.testing.assert_allclose(alone.p, alone.p_each[0])
    assert found.p_each[0, 1] == 1 / 200


def test_options_without_controls_read_none():
    problem = random_problem(4, comparison="each")
    np.testing.assert_array_equal(patient_z(problem), problem.patients)
    mean = patient_z(replace(problem, comparison="mean"))
    np.testing.assert_allclose(mean, problem.patients.mean(axis=0)[None])
    nobody = replace(problem, controls=problem.controls[:0])
    assert np.isfinite(conclude(nobody, [], n_permutations=0, seed=0).mean_fisher_z).all()
    with pytest.raises(UserError, match="leave_one_out needs 3"):
        replace(nobody, patients=problem.patients[:2], comparison="leave_one_out")


def test_power_rises_and_is_what_whole_studies_find():
    """Power of a direct simulation, 100 studies with their own exchanges, within .15."""
    problem = random_problem(5, n1=8, n2=12, maps=2)
    found = simulate_power(problem, seed=1)
    assert (np.diff(found.mean_fisher_z, axis=0) > 0).all()
    assert found.power[0, 0] < found.power[-1, 0]
    assert found.power[-1, 0] > 0.95
    z = detectable(found.mean_fisher_z, found.power)
    assert (z > 0).all()
    rng = np.random.default_rng(6)
    ranks = problem.maps[0].argsort().argsort()
    pattern = ranks - np.polyval(
        np.polyfit(problem.gm.argsort().argsort(), ranks, 1), problem.gm.argsort().argsort()
    )
    pattern /= pattern.std()
    i = int(np.abs(found.power[:, 0] - 0.6).argmin())
    hits = []
    for k in range(100):
        people = rng.normal(size=(20, 60))
        people[:8] += EFFECTS_SD[i] * pattern
        study = replace(problem, patients=people[:8], controls=people[8:])
        result = conclude(study, [null_batch(study, 0, k)], n_permutations=99, seed=0)
        hits.append(result.p_permutation[0] <= 0.05)
    # Two estimates from 100 studies each: 2.8 standard errors of their difference.
    assert np.mean(hits) == pytest.approx(found.power[i, 0], abs=0.2)


def test_power_is_nan_where_it_is_not_reached():
    power = np.array([[0.1, 0.5], [0.2, 0.9]])
    z = np.array([[0.1, 0.1], [0.2, 0.2]])
    found = detectable(z, power)
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(0.175)
