"""Moran's I by person, and its comparison between groups."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from rt1t2_dask.receptors.spatial.autocorrelation import (
    compare_autocorrelation,
    deviations,
    inverse_distances,
    morans_i,
)

REGIONS = 40


def drawn(seed: int, n: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    places = rng.uniform(-60, 60, size=(REGIONS, 3))
    return rng.normal(1.5, 0.1, size=(n, REGIONS)), cdist(places, places)


def smooth(rows: np.ndarray, distance: np.ndarray, mm: float) -> np.ndarray:
    kernel = np.exp(-((distance / mm) ** 2) / 2)
    return rows @ (kernel / np.linalg.norm(kernel, axis=0))


def by_definition(row: np.ndarray, distance: np.ndarray) -> float:
    """Moran 1950, a pair at a time."""
    kept = [k for k in range(len(row)) if not np.isnan(row[k])]
    d = {k: row[k] - np.mean([row[j] for j in kept]) for k in kept}
    weighted = total = 0.0
    for i in kept:
        for j in kept:
            if i != j:
                weighted += d[i] * d[j] / max(distance[i, j], 1.0)
                total += 1 / max(distance[i, j], 1.0)
    return len(kept) / total * weighted / sum(v * v for v in d.values())


def test_morans_i_is_its_definition():
    rows, distance = drawn(1)
    rows[0, 3] = rows[2, 7] = np.nan
    rows[3, 2:] = np.nan
    rows[4] = 1.0
    found = morans_i(rows, inverse_distances(distance))
    for k in (0, 1, 2, 5):
        assert found[k] == pytest.approx(by_definition(rows[k], distance), rel=1e-9)
    assert np.isnan(found[[3, 4]]).all()


def test_noise_has_minus_one_over_regions_less_one_and_smooth_rows_have_more():
    rows, distance = drawn(2, 4000)
    weights = inverse_distances(distance)
    assert morans_i(rows, weights).mean() == pytest.approx(-1 / (REGIONS - 1), abs=0.002)
    assert morans_i(smooth(rows - 1.5, distance, 40.0), weights).mean() > 0.05


@given(st.floats(0.1, 100), st.floats(-100, 100), st.integers(0, 1000))
def test_scale_and_level_do_not_matter(scale, level, seed):
    rows, distance = drawn(seed, 2)
    weights = inverse_distances(distance)
    np.testing.assert_allclose(
        morans_i(rows * scale + level, weights), morans_i(rows, weights), rtol=1e-5, atol=1e-9
    )


def test_everybody_is_compared_with_all_others():
    rows, _ = drawn(3)
    rows[0, 1] = np.nan
    found = deviations(rows - np.nanmean(rows, axis=0))
    for k in range(len(rows)):
        rest = np.delete(rows, k, axis=0)
        expected = (rows[k] - np.nanmean(rest, axis=0)) / np.nanstd(rest, axis=0, ddof=1)
        np.testing.assert_allclose(found[k], expected, rtol=1e-8)


def test_small_groups_are_enumerated():
    rows, distance = drawn(4)
    patient = np.arange(9) < 4
    found = compare_autocorrelation(rows, patient, inverse_distances(distance), 1000, seed=0)
    values = found.moran
    all_of_them = [
        values[list(own)].mean() - np.delete(values, own).mean()
        for own in combinations(range(9), 4)
    ]
    assert found.difference == pytest.approx(all_of_them[0])
    reached = np.abs(all_of_them) >= abs(all_of_them[0]) - 1e-12
    assert found.p == pytest.approx(reached.mean())


@pytest.mark.slow
def test_level_and_power():
    """At .05 of 400 null studies 20 are expected, 8 and 33 are beyond 3 SD; smoothness is found."""

    def p(k: int, mm: float) -> float:
        rows, distance = drawn(k, 20)
        patient = np.arange(20) < 8
        rows -= 1.5
        rows[patient] = smooth(rows[patient], distance, mm)
        return compare_autocorrelation(rows, patient, inverse_distances(distance), 199, seed=k).p

    assert 8 <= sum(p(k, 0.01) <= 0.05 for k in range(400)) <= 33
    assert sum(p(k, 40.0) <= 0.05 for k in range(20)) >= 15


@pytest.mark.parametrize(("n", "patients"), [(9, 2), (5, 3)])
def test_too_few_people_are_not_compared(n, patients):
    rows, distance = drawn(5, n)
    patient = np.arange(n) < patients
    found = compare_autocorrelation(rows, patient, inverse_distances(distance), 99, seed=0)
    assert np.isnan([found.difference, found.p]).all()
    assert np.isfinite(found.moran).all()


def test_without_relabelings_there_is_a_difference_and_no_p():
    rows, distance = drawn(6)
    found = compare_autocorrelation(rows, np.arange(9) < 4, inverse_distances(distance), 0, seed=0)
    assert np.isfinite(found.difference)
    assert np.isnan(found.p)


def test_the_same_seed_gives_the_same_p():
    rows, distance = drawn(7, 24)
    weights, patient = inverse_distances(distance), np.arange(24) < 10
    first, again = (
        compare_autocorrelation(rows, patient, weights, 1500, seed=3).p for _ in range(2)
    )
    assert first == again
