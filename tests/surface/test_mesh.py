"""Areas, normals, neighbours and curvature against solids whose geometry is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_meshes import TETRAHEDRON, grid, icosphere, tube

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.curvature import regressed
from rt1t2_dask.surface.laplacian import mean_curvature, mixed_areas, stiffness
from rt1t2_dask.surface.mesh import Mesh, joined, midthickness

SOLID = Mesh(TETRAHEDRON, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]))


def test_a_tetrahedron():
    side = np.sqrt(8)
    assert np.allclose(SOLID.face_areas, np.sqrt(3) / 4 * side**2)
    assert np.allclose(SOLID.vertex_areas, np.sqrt(3) / 4 * side**2)
    assert np.allclose(SOLID.edge_mm, side)
    assert SOLID.euler == 2
    outward = TETRAHEDRON / np.sqrt(3)
    assert np.allclose(np.abs(np.einsum("vx,vx->v", SOLID.normals, outward)), 1)


def test_neighbours_are_those_of_the_faces():
    mesh = icosphere(2)
    indptr, indices = mesh.neighbours
    slow = [set() for _ in mesh.vertices]
    for face in mesh.faces:
        for a in face:
            slow[a] |= set(face) - {a}
    assert [sorted(s) for s in slow] == [
        list(indices[indptr[v] : indptr[v + 1]]) for v in range(len(slow))
    ]
    assert {(a, b) for a, b in mesh.edges} == {(a, b) for a in range(len(slow)) for b in slow[a]
                                               if a < b}  # fmt: skip
    assert mesh.euler == 2


@pytest.mark.parametrize("radius", [1.0, 37.0])
def test_a_sphere_has_its_area_normals_and_curvature(radius):
    mesh = icosphere(4, radius)
    assert mesh.vertex_areas.sum() == pytest.approx(4 * np.pi * radius**2, rel=3e-3)
    assert mixed_areas(mesh).sum() == pytest.approx(mesh.face_areas.sum(), rel=1e-12)
    cosine = np.einsum("vx,vx->v", mesh.normals, mesh.vertices / radius)
    assert cosine.min() > 0.9999
    assert np.abs(mean_curvature(mesh) * radius - 1).max() < 1e-3


def test_an_ellipsoid_has_its_mean_curvature():
    a, b, c = axes = np.array([60.0, 40, 30])
    sphere = icosphere(5)
    mesh = sphere.moved(sphere.vertices * axes)
    x, y, z = mesh.vertices.T
    # Mean curvature of x^2/a^2 + y^2/b^2 + z^2/c^2 = 1 (Gray, Modern Differential Geometry).
    root = np.sqrt(x**2 / a**4 + y**2 / b**4 + z**2 / c**4)
    true = (a**2 + b**2 + c**2 - x**2 - y**2 - z**2) / (2 * (a * b * c) ** 2 * root**3)
    error = np.abs(mean_curvature(mesh) / true - 1)
    assert error.mean() < 2e-3
    assert error.max() < 0.06


def test_a_cylinder_bends_one_way_and_from_inside_the_other():
    mesh = tube(5.0, 20.0, 60, 41)
    inner = (mesh.vertices[:, 2] > 1) & (mesh.vertices[:, 2] < 19)
    assert np.abs(mean_curvature(mesh)[inner] * 10 - 1).max() < 2e-3
    turned = Mesh(mesh.vertices, mesh.faces[:, ::-1])
    assert np.allclose(mean_curvature(turned), -mean_curvature(mesh))


def test_the_laplacian_of_a_square_grid_has_five_points():
    laplacian = stiffness(grid(5, 0.7)).toarray()
    centre = np.zeros((5, 5))
    centre[2, 2] = 4
    centre[[1, 3, 2, 2], [2, 2, 1, 3]] = -1
    assert np.allclose(laplacian[12].reshape(5, 5), centre)
    assert np.allclose(laplacian, laplacian.T)
    assert np.allclose(laplacian.sum(axis=0), 0)


def test_both_hemispheres_are_one_mesh_without_a_bridge():
    left, right = icosphere(1), icosphere(2, 3.0)
    both = joined(left, right)
    n = len(left.vertices)
    assert np.array_equal(both.vertex_areas, np.append(left.vertex_areas, right.vertex_areas))
    assert both.adjacency[:n, n:].nnz == 0
    assert both.euler == 4


@pytest.mark.parametrize(
    ("vertices", "faces", "said"),
    [
        (TETRAHEDRON, [[0, 1, 4]], "name vertices 0 to 4; it has 4"),
        (TETRAHEDRON, [[-1, 1, 2]], "name vertices -1 to 2"),
        (TETRAHEDRON, [[0, 1, 1]], "1 of 1 faces of the surface name a vertex twice"),
        (TETRAHEDRON * [1, np.nan, 1], [[0, 1, 2]], "4 of 4 vertices of the surface are not"),
        (TETRAHEDRON[:, :2], [[0, 1, 2]], "not (4, 2) and (1, 3)"),
    ],
)
def test_broken_meshes_are_refused_in_one_line(vertices, faces, said):
    with pytest.raises(SubjectError) as raised:
        Mesh(vertices, np.array(faces))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_white_and_pial_of_two_reconstructions_are_refused():
    with pytest.raises(SubjectError, match="white has 42 vertices"):
        midthickness(icosphere(1), icosphere(2))


@given(st.integers(0, 2**32 - 1), st.floats(-4, 4), st.booleans())
def test_regression_takes_out_what_is_linear_and_keeps_the_mean(seed, slope, weighted):
    rng = np.random.default_rng(seed)
    curvature, noise = rng.standard_normal((2, 60))
    weights = rng.uniform(0.5, 2, 60) if weighted else None
    noise[rng.integers(60)] = np.nan
    known = np.isfinite(noise)
    clean = regressed(noise, curvature, weights)
    found = regressed(noise + slope * curvature, curvature, weights)
    w = None if weights is None else weights[known]
    shift = slope * np.average(curvature[known], weights=w)
    assert np.allclose(found[known], clean[known] + shift)
    assert np.array_equal(np.isnan(found), ~known)
    assert np.average(clean[known], weights=w) == pytest.approx(np.average(noise[known], weights=w))
    centred = curvature[known] - np.average(curvature[known], weights=w)
    assert abs(np.average(clean[known] * centred, weights=w)) < 1e-10


def test_regression_of_a_missing_map_is_refused():
    with pytest.raises(SubjectError, match="Only 2 vertices are known"):
        regressed(np.array([1, 2, np.nan, np.nan]), np.arange(4.0))
