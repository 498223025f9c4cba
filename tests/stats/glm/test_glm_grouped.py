"""Tests from sums over groups of people against the fit of every row: the same statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.stats.design import Design, indicators
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.glm.grouped import fit_sums
from rt1t2_dask.stats.glm.presence import least_people
from rt1t2_dask.stats.glm.sufficient import accumulate, add

NAMES = ("a", "b", "c")
WEIGHTS = {
    "difference": [[1.0], [-1.0], [0.0], [0.0]],
    "slope": [[0.0], [0.0], [0.0], [1.0]],
    "anova": [[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0], [0.0, 0.0]],
}
FIELDS = ("t", "z", "dof", "effect", "hedges_g", "se", "sd", "explained", "residual_dof")


def study(seed, missing, contrast, voxels=60):
    rng = np.random.default_rng(seed)
    group = np.repeat(NAMES, [9, 14, 11])
    age = rng.uniform(20, 80, len(group))
    matrix = np.column_stack([indicators(group, NAMES), age - age.mean()])
    spread = np.repeat([0.05, 0.2, 0.1], [9, 14, 11])[:, None]
    data = 1.5 + spread * rng.normal(size=(len(group), voxels)) + 0.001 * age[:, None]
    data[rng.random(data.shape) < missing] = np.nan
    data[:, 0] = 1.5
    design = Design(
        matrix, (*NAMES, "age"), group, np.array(WEIGHTS[contrast]), np.arange(len(group))
    )
    return design, data.astype(np.float32)


def from_runs(design, data, variance, runs):
    """Sum each group over runs of people, then test."""
    groups, enough = [], np.ones(data.shape[1], bool)
    for name in design.groups:
        total = None
        for run in np.array_split(np.arange(design.n), runs):
            rows = run[design.group[run] == name]
            if len(rows):
                own = accumulate(data[rows], design.matrix[rows])
                total = own if total is None else add(total, own)
        groups.append(total)
        enough &= total.people >= least_people(int((design.group == name).sum()))
    everybody = design.matrix.T @ design.matrix
    return fit_sums(groups, everybody, design.contrast, enough, variance)[0]


@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.05, 0.3]),
    st.sampled_from(list(WEIGHTS)),
    st.sampled_from(["equal", "welch"]),
    st.integers(1, 5),
)
def test_sums_of_any_runs_test_as_all_rows_do(seed, missing, contrast, variance, runs):
    design, data = study(seed, missing, contrast)
    wanted = fit(data, design, variance)
    found = from_runs(design, data, variance, runs)
    np.testing.assert_array_equal(found.n, wanted.n)
    for name in FIELDS:
        np.testing.assert_allclose(
            getattr(found, name), getattr(wanted, name), rtol=1e-7, atol=1e-9, err_msg=name
        )


@pytest.mark.parametrize("variance", ["equal", "welch"])
def test_data_that_do_not_vary_are_not_tested(variance):
    design, data = study(1, 0.0, "difference")
    assert np.isnan(from_runs(design, data, variance, 3).t[0])
    assert np.isfinite(from_runs(design, data, variance, 3).t[1:]).all()
