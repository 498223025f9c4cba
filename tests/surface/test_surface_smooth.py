"""Smoothing against the heat kernel of the sphere and of the plane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from known_meshes import grid, icosphere
from scipy import linalg, special

from rt1t2_dask.errors import UserError
from rt1t2_dask.surface.laplacian import stiffness
from rt1t2_dask.surface.mesh import joined
from rt1t2_dask.surface.smooth import smoother

SIGMAS = np.sqrt(8 * np.log(2))
SMALL = icosphere(2, 10.0)


def test_it_is_the_matrix_exponential():
    time = 5.0**2 / SIGMAS**2 / 2
    heat = linalg.expm(-time * stiffness(SMALL).toarray() / SMALL.vertex_areas[:, None])
    values = np.random.default_rng(1).standard_normal((3, len(SMALL.vertices)))
    assert np.abs(smoother(SMALL, 5.0)(values) - values @ heat.T).max() < 1e-6


@pytest.mark.parametrize("fwhm", [6.0, 12.0, 30.0])
@pytest.mark.parametrize("degree", [1, 3, 6, 10])
def test_spherical_harmonics_decay_as_on_the_sphere(fwhm, degree):
    """exp(-l (l + 1) t / R^2), t = sigma^2 / 2."""
    mesh = icosphere(4, 100.0)
    polar = np.arccos(np.clip(mesh.vertices[:, 2] / 100, -1, 1))
    angle = np.arctan2(mesh.vertices[:, 1], mesh.vertices[:, 0])
    wave = special.sph_harm_y(degree, min(2, degree), polar, angle).real
    weights = wave * mesh.vertex_areas
    decay = np.sum(weights * smoother(mesh, fwhm)(wave)) / np.sum(weights * wave)
    found = np.sqrt(-2 * np.log(decay) * 1e4 / (degree * (degree + 1)))
    assert found * SIGMAS == pytest.approx(fwhm, rel=0.02)


@pytest.mark.parametrize("fwhm", [6.0, 9.0])
def test_a_point_on_a_plane_spreads_to_the_width_asked_for(fwhm):
    mesh = grid(61, 0.8)
    point = np.zeros(61 * 61)
    point[30 * 61 + 30] = 1
    found = smoother(mesh, fwhm)(point).reshape(61, 61)
    place = (np.arange(61) - 30) * 0.8
    variance = (found.sum(axis=1) * place**2).sum() / found.sum()
    assert np.sqrt(variance) * SIGMAS == pytest.approx(fwhm, rel=1e-3)
    profile = found[30] / found[30, 30]
    half = np.interp(-0.5, -profile[30:], place[30:])
    assert 2 * half == pytest.approx(fwhm, rel=0.03)


@hypothesis_settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0, 40))
def test_constants_stay_and_the_mean_by_area_is_kept(seed, fwhm):
    values = np.random.default_rng(seed).standard_normal(len(SMALL.vertices))
    smooth = smoother(SMALL, fwhm)
    assert np.abs(smooth(np.full(len(values), 3.0)) - 3).max() < 1e-9
    areas = SMALL.vertex_areas
    assert np.sum(areas * smooth(values)) == pytest.approx(np.sum(areas * values), abs=1e-6)


@hypothesis_settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
def test_what_is_missing_is_left_out(seed, share):
    rng = np.random.default_rng(seed)
    missing = rng.random(len(SMALL.vertices)) < share
    constant = np.where(missing, np.nan, 2.0)
    found = smoother(SMALL, 8.0)(constant)
    assert np.array_equal(np.isnan(found), missing)
    assert np.abs(found[~missing] - 2).max(initial=0) < 1e-6


def test_no_width_changes_nothing_and_hemispheres_do_not_mix():
    left = np.random.default_rng(2).standard_normal(len(SMALL.vertices))
    assert np.abs(smoother(SMALL, 0.0)(left) - left).max() < 1e-12
    both = smoother(joined(SMALL, SMALL), 10.0)(np.append(left, 0 * left))
    assert np.allclose(both, np.append(smoother(SMALL, 10.0)(left), 0 * left), atol=1e-6)


@pytest.mark.parametrize("fwhm", [-1.0, np.nan, np.inf])
def test_a_width_that_is_none_is_refused(fwhm):
    with pytest.raises(UserError, match="FWHM on the surface must be 0 mm or more"):
        smoother(SMALL, fwhm)
