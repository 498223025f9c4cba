"""The places of regions in the scatters, and the variograms beside the spatial null."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rt1t2_dask.receptors.correlation import partial_correlation
from rt1t2_dask.receptors.problem import Problem, patient_z
from rt1t2_dask.receptors.scatter import scatter
from rt1t2_dask.receptors.spatial.space import Space
from rt1t2_dask.receptors.spatial.surrogates import spatial_null, surrogates
from rt1t2_dask.receptors.spatial.variogram import compare


def problem(seed=0, regions=40) -> Problem:
    rng = np.random.default_rng(seed)
    sizes = ((6, regions), (8, regions), (3, regions), regions)
    return Problem(*(rng.normal(size=size) for size in sizes))


@pytest.mark.parametrize("kind", ["spearman", "pearson", "regression"])
@pytest.mark.parametrize("held", [True, False])
def test_places_correlate_as_the_mean_profile_does(kind, held):
    data = replace(problem(), kind=kind)
    data.maps[1, 7] = data.controls[0, 3] = data.patients[2, 9] = np.nan
    data = data if held else replace(data, gm=None)
    found = scatter(data)
    np.testing.assert_allclose(found.change, np.nanmean(patient_z(data), axis=0))
    expected = partial_correlation(found.change[None], data.maps, data.gm, kind)[0]
    for j, rho in enumerate(expected):
        keep = ~np.isnan(found.map_left[j])
        left = np.corrcoef(found.change_left[j, keep], found.map_left[j, keep])[0, 1]
        assert left == pytest.approx(rho)
    assert np.isnan(found.map_left[1, 7])


def test_variograms_of_the_null_are_those_of_the_surrogates():
    data, rng = problem(), np.random.default_rng(4)
    space = Space(rng.normal(scale=40, size=(40, 3)), np.zeros(40, dtype=np.intp))
    data.maps[0, 5] = np.nan
    null = spatial_null(patient_z(data), data.maps, data.gm, space, n=60, seed=3)
    expected = compare(data.maps[2], surrogates(data.maps[2], space, 60, seed=3), space.xyz)
    assert null.variograms[0] is None
    np.testing.assert_allclose(null.variograms[2].mean, expected.mean)
    assert null.variograms[2].error == pytest.approx(expected.error)
