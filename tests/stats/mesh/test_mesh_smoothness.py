"""FWHM and resels of meshes against noise smoothed by a known kernel, and known shapes."""

from __future__ import annotations

import numpy as np
import pytest
import stat_meshes as meshes
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import design
from rt1t2_dask.stats.glm.noise import standardised_residuals
from rt1t2_dask.stats.mesh.neighbourhood import SearchMesh, neighbourhood
from rt1t2_dask.stats.mesh.smoothness import fwhm_mm, surface_resels

SD = np.sqrt(8 * np.log(2))


def smooth_noise(rng, people, points, areas, fwhm):
    """White noise of variance 1 / area, smoothed by a Gaussian of the straight-line distance."""
    square = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    kernel = np.exp(-square / 2 / (fwhm / SD) ** 2) * np.sqrt(areas)
    kernel /= np.linalg.norm(kernel, axis=1, keepdims=True)
    return rng.normal(size=(people, len(points))) @ kernel.T


def estimated(data, mesh, points):
    groups = ["a"] * (len(data) // 2) + ["b"] * (len(data) - len(data) // 2)
    model = design.two_sample(groups, "a", "b")
    space = neighbourhood(mesh)
    rows = standardised_residuals(data[:, mesh.inside], model)
    return fwhm_mm(rows, space, points[mesh.inside], model.dof)


@pytest.mark.parametrize("fwhm", [4.0, 8.0])
@pytest.mark.parametrize("people", [8, 30])
def test_noise_of_a_known_kernel(fwhm, people):
    """Within 3 % at 2 mm spacing, of few and of many people: eight maps of each."""
    faces, points = meshes.sphere(1642, 24.0)
    mesh = SearchMesh(faces, meshes.vertex_areas(faces, points))
    rng = np.random.default_rng(int(fwhm) + people)
    data = smooth_noise(rng, 8 * people, points, mesh.areas, fwhm)
    found = [estimated(part, mesh, points) for part in np.split(data, 8)]
    assert np.mean(found) == pytest.approx(fwhm, rel=0.03)


def test_uneven_vertices_and_a_medial_wall():
    """Random points in a square, edges of 0.1 to 5 mm; a tenth of the vertices is not tested."""
    faces, points = meshes.plane(3, 2000, 60.0)
    areas = meshes.vertex_areas(faces, points)
    mesh = SearchMesh(faces, areas, np.random.default_rng(1).random(2000) < 0.9)
    data = smooth_noise(np.random.default_rng(2), 60, points, areas, 6.0)
    middle = (np.abs(points[:, :2] - 30) < 24).all(axis=1)
    mesh = SearchMesh(faces, areas, mesh.mask & middle)
    assert estimated(data, mesh, points) == pytest.approx(6.0, rel=0.04)


def test_independent_vertices_have_no_width():
    faces, points = meshes.sphere(642)
    mesh = SearchMesh(faces, meshes.vertex_areas(faces, points))
    data = np.random.default_rng(0).normal(size=(30, 642))
    assert estimated(data, mesh, points) < 2.0 * np.sqrt(mesh.areas.mean())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_width_scales_with_the_mesh_and_knows_no_order(seed, scale):
    rng = np.random.default_rng(seed)
    faces, points = meshes.plane(seed, 200)
    areas = meshes.vertex_areas(faces, points)
    data = smooth_noise(rng, 12, points, areas, 8.0)
    mesh = SearchMesh(faces, areas)
    found = estimated(data, mesh, points)
    larger = SearchMesh(faces, areas * scale**2)
    assert estimated(data, larger, points * scale) == pytest.approx(found * scale, rel=1e-6)
    order = rng.permutation(200)
    moved = SearchMesh(np.argsort(order)[faces], areas[order])
    assert estimated(data[:, order], moved, points[order]) == pytest.approx(found, rel=1e-9)


def test_no_edges_are_refused():
    space = neighbourhood(SearchMesh(np.zeros((0, 3), int), np.ones(3)))
    with pytest.raises(UserError, match="no edge of the mesh"):
        fwhm_mm([np.ones(3)], space, np.zeros((3, 3)), 5.0)


def test_resels_of_known_shapes():
    """A sphere: 2, 0, its area; a square cut from the plane: 1, half its perimeter, its area."""
    faces, points = meshes.sphere(2562, 30.0)
    found = surface_resels(faces, points, np.ones(2562, bool), 5.0)
    assert found[:2] == pytest.approx([2.0, 0.0])
    assert found[2] == pytest.approx(4 * np.pi * 30**2 / 25, rel=0.01)
    side = np.arange(11)
    grid = np.stack([*np.meshgrid(side, side), np.zeros((11, 11))], axis=-1).reshape(-1, 3)
    number = np.arange(121).reshape(11, 11)
    a, b, c, d = (q.ravel() for q in (number[:-1, :-1], number[1:, :-1], number[:-1, 1:],
                                      number[1:, 1:]))  # fmt: skip
    squares = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    tested = np.ones(121, bool)
    assert surface_resels(squares, grid, tested, 2.0) == pytest.approx([1, 40 / 2 / 2, 100 / 4])
    tested[60] = False  # a hole of six faces round an inner vertex
    assert surface_resels(squares, grid, tested, 2.0)[0] == pytest.approx(0)
    with pytest.raises(UserError, match="FWHM of 0"):
        surface_resels(squares, grid, tested, 0.0)
