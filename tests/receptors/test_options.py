"""JuSpace's other options, covariates, dominance and influence."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors import profiles
from rt1t2_dask.receptors.colocalisation import colocalise, conclude, influence, statistic
from rt1t2_dask.receptors.correlation import fisher_z, p_value, partial_correlation
from rt1t2_dask.receptors.covariates import adjusted_z
from rt1t2_dask.receptors.dominance import total_dominance
from rt1t2_dask.receptors.problem import Problem, patient_z
from rt1t2_dask.receptors.relabelings import drawn, regroup
from rt1t2_dask.receptors.zscores import z_scores


def oracle(name: str):
    first = os.environ.get("RT1T2_ASSETS", "").split(os.pathsep)[0]
    folder = Path(first).parent / "reference" / "juspace" / "out"
    if not first or not folder.is_dir():
        pytest.skip("RT1T2_ASSETS names no folder beside reference/juspace")
    return np.loadtxt(folder / f"{name}.csv", delimiter=",", ndmin=2)


def listwise(rows, maps, gm):
    """Leave a region out for everybody, as JuSpace does."""
    sides = [rows, maps] if gm is None else [rows, maps, gm]
    gone = np.isnan(np.vstack(sides)).any(axis=0)
    return np.where(gone, np.nan, rows)


ROWS = {
    "1": lambda d1, d2: profiles.effect_size(d1, d2),
    "3": lambda d1, d2: profiles.mean_profile(d1),
    "4": lambda d1, d2: d1,
    "7": lambda d1, d2: profiles.leave_one_out_z(d1),
    "8": lambda d1, d2: d1,
}


@pytest.mark.assets
@pytest.mark.parametrize("case", ["clean", "nan"])
@pytest.mark.parametrize("option", sorted(ROWS))
@pytest.mark.parametrize("adjusted", [0, 1])
def test_every_option_equals_juspace(case, option, adjusted):
    run = f"{case}_opt{option}1_adj{adjusted}"
    try:
        expected = oracle(f"{run}_corrOrig")
    except FileNotFoundError:
        pytest.skip(f"the oracle was not run for {run}")
    maps, gm = oracle("data_PET"), oracle("T1_gm") if adjusted else None
    rows = listwise(ROWS[option](oracle(f"{case}_D1"), oracle(f"{case}_D2")), maps, gm)
    data = oracle(f"{run}_data")
    kept = ~np.isnan(rows).any(axis=0)
    mine = rows if data.shape[1] == rows.shape[1] else rows[:, kept]
    both = ~np.isnan(mine) & ~np.isnan(data)
    np.testing.assert_allclose(mine[both], data[both], atol=1e-6)
    rho = partial_correlation(rows, maps, None if gm is None else gm[0])
    np.testing.assert_allclose(rho, expected, atol=1e-6)
    np.testing.assert_allclose(fisher_z(rho), oracle(f"{run}_res_ind"), atol=1e-6)


@pytest.mark.assets
@pytest.mark.parametrize("case", ["clean", "nan"])
@pytest.mark.parametrize("adjusted", [0, 1])
@pytest.mark.parametrize(("option", "kind"), [("11", "spearman"), ("52", "pearson")])
def test_logged_permutations_of_effect_sizes_and_of_pearson(case, adjusted, option, kind):
    run = f"{case}_opt{option}_adj{adjusted}"
    try:
        expected = oracle(f"{run}_exactp200")[0]
    except FileNotFoundError:
        pytest.skip(f"the oracle was not run for {run}")
    problem = Problem(
        oracle(f"{case}_D1"),
        oracle(f"{case}_D2"),
        oracle("data_PET"),
        oracle("T1_gm")[0] if adjusted else None,
        "listwise",
        kind,
        "effect_size" if option == "11" else "z",
    )
    orders = [oracle(f"perm200_ord_i{i}").astype(int) - 1 for i in (1, 2)]
    null = statistic(problem, *regroup(orders[0], orders[1] + 8, math.floor(64 / 18 + 0.5)))
    found = conclude(problem, [], n_permutations=0, seed=0)
    np.testing.assert_allclose(found.mean_fisher_z, oracle(f"{run}_res")[0], atol=1e-6)
    np.testing.assert_allclose(p_value(found.mean_fisher_z, null), expected, atol=1e-9)


@pytest.mark.assets
@pytest.mark.parametrize("case", ["clean", "nan"])
def test_effect_size_exact_p_at_10000(case):
    maps, gm = oracle("data_PET"), oracle("T1_gm")[0]
    found = colocalise(
        oracle(f"{case}_D1"),
        oracle(f"{case}_D2"),
        maps,
        gm,
        missing="listwise",
        comparison="effect_size",
        seed=2,
        relabelings="fixed_number",
    )
    expected = oracle(f"{case}_opt11_adj{1}_exactp10000")[0]
    error = np.sqrt(2 * expected * (1 - expected) / 10_000) + 1e-4
    assert (np.abs(found.p_permutation - expected) < 5 * error).all()


def test_leave_one_out_z_is_z_against_the_others():
    values = np.random.default_rng(0).normal(3, 2, size=(6, 10))
    found = profiles.leave_one_out_z(values)
    for i in range(6):
        others = np.delete(values, i, axis=0)
        expected = (values[i] - others.mean(axis=0)) / others.std(axis=0, ddof=1)
        np.testing.assert_allclose(found[i], expected)


def test_paired_difference_and_effect_size():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(4, 7)), rng.normal(size=(5, 7))
    spread = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / 2)
    expected = (a.mean(axis=0) - b.mean(axis=0)) / spread
    np.testing.assert_allclose(profiles.effect_size(a, b)[0], expected)
    np.testing.assert_array_equal(profiles.paired_difference(a, a), 0)


def ageing(rng, n1=9, n2=16, regions=40):
    """Simulate people whose regions fall with age, patients older (simulated)."""
    age = np.r_[rng.normal(70, 5, n1), rng.normal(50, 8, n2)]
    slope = rng.normal(size=regions)
    values = rng.normal(size=(n1 + n2, regions)) + np.outer((age - 55) / 5, slope)
    return values, age, slope


def test_adjusted_z_is_the_controls_regression():
    values, age, _ = ageing(np.random.default_rng(3))
    covariates = np.c_[age, np.arange(25) % 2]
    found = adjusted_z(values, covariates, np.arange(9)[None], np.arange(9, 25)[None])[0]
    design = np.c_[np.ones(25), covariates]
    for region in (0, 17):
        y = values[:, region]
        beta, squares, _, _ = np.linalg.lstsq(design[9:], y[9:], rcond=None)
        expected = (y[:9] - design[:9] @ beta) / np.sqrt(squares[0] / 13)
        np.testing.assert_allclose(found[:, region], expected)


def test_no_covariates_is_the_plain_z():
    values, _, _ = ageing(np.random.default_rng(4))
    first, second = np.array([[3, 20, 5]]), np.array([[0, 1, *range(6, 20)]])
    found = adjusted_z(values[:19], np.empty((19, 0)), first % 19, second % 19)
    expected = z_scores(values[:19], first % 19, second % 19, "listwise")
    np.testing.assert_allclose(found, expected)


def test_age_explains_away_what_only_age_did():
    """Without adjustment every map like the slope is found; with it p is uniform (simulated)."""
    adjusted, plain = [], []
    for k in range(60):
        rng = np.random.default_rng(100 + k)
        values, age, slope = ageing(rng)
        run = {"n_permutations": 199, "seed": k}
        args = values[:9], values[9:], slope[None], None
        plain.append(colocalise(*args, **run).p_permutation[0])
        adjusted.append(colocalise(*args, covariates=age[:, None], **run).p_permutation[0])
    assert np.mean(np.array(plain) < 0.05) > 0.9
    assert stats.kstest(adjusted, "uniform").pvalue > 0.001


def test_covariates_that_cannot_be_used_are_refused():
    values, age, slope = ageing(np.random.default_rng(5))
    problem = Problem(values[:9], values[9:], slope[None], None)
    with pytest.raises(UserError, match="covariates of shape"):
        replace(problem, covariates=age[:5, None])
    with pytest.raises(UserError, match="1 of 25 people lack a covariate"):
        patient_z(replace(problem, covariates=np.where(age == age[3], np.nan, age)[:, None]))
    with pytest.raises(UserError, match="16 controls cannot be regressed on 2"):
        patient_z(replace(problem, covariates=np.c_[age, 2 * age]))


def r_squared(y, x):
    if x.shape[1] == 0:
        return 0.0
    design = np.c_[np.ones(len(y)), x]
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return 1 - residual.var() / y.var()


def test_dominance_equals_the_average_over_all_orders():
    """Averaging over sizes of subsets is averaging over orders of entry."""
    rng = np.random.default_rng(6)
    maps = rng.normal(size=(4, 30))
    maps[1] += maps[0]
    profile = maps[0] + maps[2] + rng.normal(size=30)
    expected = np.zeros(4)
    orders = list(permutations(range(4)))
    for order in orders:
        for place, k in enumerate(order):
            before, after = list(order[:place]), list(order[: place + 1])
            expected[k] += r_squared(profile, maps[after].T) - r_squared(profile, maps[before].T)
    found = total_dominance(profile, maps, kind="pearson")
    np.testing.assert_allclose(found, expected / len(orders), atol=1e-10)
    assert found.sum() == pytest.approx(r_squared(profile, maps.T))
    with pytest.raises(UserError, match="Choose fewer"):
        total_dominance(profile, rng.normal(size=(29, 30)))


def test_dominance_given_grey_matter_leaves_nothing_of_it():
    rng = np.random.default_rng(7)
    gm = rng.random(50)
    maps = np.stack([gm + 0.01 * rng.normal(size=50), rng.normal(size=50)])
    profile = gm + 0.01 * rng.normal(size=50)
    assert total_dominance(profile, maps, kind="pearson").argmax() == 0
    assert total_dominance(profile, maps, gm, kind="pearson").sum() < 0.2


def test_influence_is_leaving_the_region_out():
    rng = np.random.default_rng(8)
    problem = Problem(
        rng.normal(size=(4, 20)), rng.normal(size=(6, 20)), rng.normal(size=(2, 20)), rng.random(20)
    )
    found = influence(problem)
    assert found.shape == (20, 2)
    keep = np.arange(20) != 11
    shorter = Problem(
        problem.patients[:, keep],
        problem.controls[:, keep],
        problem.maps[:, keep],
        problem.gm[keep],
    )
    statistics = [
        conclude(p, [], n_permutations=0, seed=0).mean_fisher_z for p in (shorter, problem)
    ]
    np.testing.assert_allclose(found[11], statistics[0] - statistics[1])


def test_pairs_swap_by_coins_and_equal_sign_flips_of_fisher_z():
    rng = np.random.default_rng(12)
    after, before, maps = (
        rng.normal(size=(7, 30)),
        rng.normal(size=(7, 30)),
        rng.normal(size=(2, 30)),
    )
    problem = Problem(after, before, maps, None, comparison="paired_difference")
    z = fisher_z(partial_correlation(after - before, maps, None))
    first, second = drawn(problem, 0, seed=1)
    signs = np.where(first < 7, 1, -1)
    np.testing.assert_array_equal(np.sort(np.hstack([first, second])[0]), np.arange(14))
    np.testing.assert_array_equal(first % 7, np.tile(np.arange(7), (len(first), 1)))
    assert len(np.unique(signs, axis=0)) > 110
    np.testing.assert_allclose(statistic(problem, first, second), signs @ z / 7, atol=1e-12)
    with pytest.raises(UserError, match="7 and 6 people"):
        replace(problem, controls=before[:6])
