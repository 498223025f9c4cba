"""Sampling: volumes of polyhedra, means of known images, what is missing, outliers, depths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from known_meshes import grid, icosphere, tube
from scipy.ndimage import map_coordinates

from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.surface.depths import (
    depth_surface,
    equivolumetric_way,
    sample_depths,
    trilinear,
)
from rt1t2_dask.surface.ribbon import ribbon_weights, sample_ribbon

WHITE, PIAL = icosphere(3, 20.0), icosphere(3, 23.0)
TURN = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))[0]


def box(n: int = 54) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = TURN
    affine[:3, 3] = TURN @ np.full(3, -(n - 1) / 2 + 0.2)
    return Grid((n, n, n), affine)


@pytest.fixture(scope="module")
def weights():
    return ribbon_weights(WHITE, PIAL, box())


def test_a_flat_prism_has_its_volume_in_each_voxel():
    """The column over 4 voxels, from z = 0.25 to 2.5: a quarter, one, one voxel deep."""
    low = grid(3, 1.0)
    places = low.vertices - [0.5, 0.5, 0] + [2, 2, 0]
    flat = Grid((6, 6, 6), np.eye(4))
    white, pial = (low.moved(places + np.array([0, 0, z])) for z in (0.25, 2.5))
    found = ribbon_weights(white, pial, flat, per_voxel=20)
    middle = found.matrix[4].toarray().reshape(6, 6, 6)
    assert found.volumes[4] == pytest.approx(3 * 2.25)
    assert np.allclose(middle.sum(axis=(0, 1)), [0.75, 3, 3, 0, 0, 0])
    # Six of the eight triangles meet in the middle vertex: two whole voxels and two halves.
    assert np.allclose(np.sort(middle[:, :, 1].ravel())[-4:], [0.5, 0.5, 1, 1], atol=0.03)


def test_polyhedra_fill_the_shell_three_times(weights):
    """Every prism is part of three; between an icosahedral pair it has a closed volume."""
    inner, outer = (np.linalg.det(m.vertices[m.faces]).sum() / 6 for m in (WHITE, PIAL))
    assert weights.volumes.sum() / 3 == pytest.approx(outer - inner, rel=1e-3)
    assert weights.matrix.sum() == pytest.approx(weights.volumes.sum(), rel=1e-9)
    assert weights.shares.max() == 1


def test_voxels_count_by_their_part_of_the_polyhedron(weights):
    """A polyhedron's share of each voxel against a million points drawn in its prisms."""
    vertex = 17
    faces = WHITE.faces[(WHITE.faces == vertex).any(axis=1)]
    rng = np.random.default_rng(0)
    n = 200_000
    counts = np.zeros(box().shape)
    for face in faces:
        corner = rng.dirichlet(np.ones(3), n)
        depth = rng.random((n, 1))
        inside = corner @ WHITE.vertices[face] * (1 - depth) + corner @ PIAL.vertices[face] * depth
        # Cross-section grows as the square of the radius.
        size = (20 + 3 * depth[:, 0]) ** 2
        voxel = np.rint((inside - box().affine[:3, 3]) @ TURN).astype(int)
        np.add.at(counts, tuple(voxel.T), size)
    expected = counts / counts.sum()
    found = weights.matrix[vertex].toarray().reshape(box().shape) / weights.volumes[vertex]
    assert np.abs(found - expected).sum() < 0.05


def test_a_linear_image_has_the_value_of_the_polyhedron(weights):
    slope = np.array([0.02, -0.01, 0.03])
    image = 5 + box().world() @ slope
    middle = (WHITE.vertices + PIAL.vertices) / 2
    near = WHITE.adjacency @ middle + middle
    found = sample_ribbon(weights, image, purity=0)
    centre = near / (np.diff(WHITE.adjacency.indptr) + 1)[:, None]
    assert np.abs(found - (5 + centre @ slope)).max() < 0.02


def test_purity_keeps_white_matter_and_fluid_out(weights):
    """A shell painted sharp, then averaged over voxels."""
    fine = np.zeros(box().shape)
    for shift in np.stack(np.meshgrid(*[[-0.375, -0.125, 0.125, 0.375]] * 3), -1).reshape(-1, 3):
        radius = np.linalg.norm(box().world() + TURN @ shift, axis=-1)
        fine += np.where(radius < 20, 1.3, np.where(radius > 23, 0.1, 1.0)) / 64
    plain, pure = (np.abs(sample_ribbon(weights, fine, purity=p) - 1).mean() for p in (0, 8))
    assert pure < plain / 2
    assert pure < 0.015


@hypothesis_settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_lesions_are_left_out_and_half_must_be_known(weights, seed, share):
    rng = np.random.default_rng(seed)
    image = np.where(rng.random(box().shape) < share, np.nan, 3.0)
    found = sample_ribbon(weights, image)
    known = weights.matrix @ np.isfinite(image).ravel().astype(float)
    expected = known >= 0.5 * weights.volumes
    assert np.array_equal(np.isfinite(found), expected)
    assert np.allclose(found[expected], 3)


def test_a_vessel_is_left_out_and_a_gradient_is_none(weights):
    rng = np.random.default_rng(1)
    image = 1 + 0.05 * rng.standard_normal(box().shape)
    rows = weights.matrix.tocsc()
    bright = image.copy()
    heavy = int(np.argmax(np.asarray(rows.sum(axis=0)).ravel()))
    bright.ravel()[heavy] = 40.0
    touched = rows[:, heavy].indices
    left_out, kept = (sample_ribbon(weights, bright, outlier_sd=sd) for sd in (4, np.inf))
    assert np.abs(left_out[touched] - 1).max() < 0.1
    assert kept[touched].max() > 1.3
    rest = np.setdiff1d(np.arange(len(left_out)), touched)
    assert np.abs(left_out - sample_ribbon(weights, image))[rest].max() < 0.05
    steep = box().world()[..., 0] * 10.0
    assert np.array_equal(sample_ribbon(weights, steep), sample_ribbon(weights, steep, np.inf))


def test_surfaces_outside_the_image_or_of_other_people_are_refused(weights):
    with pytest.raises(SubjectError, match="lie outside the image"):
        ribbon_weights(WHITE, PIAL, Grid((5, 5, 5), np.diag([1, 1, 1, 1.0]) + 500 * np.eye(4, k=3)))
    with pytest.raises(SubjectError, match="up to 77 mm apart"):
        ribbon_weights(WHITE, icosphere(3, 97.0), box())
    with pytest.raises(SubjectError, match=r"shape \(3, 3, 3\)"):
        sample_ribbon(weights, np.zeros((3, 3, 3)))


def test_half_outside_the_image_is_missing():
    small = ribbon_weights(WHITE, PIAL, Grid((54, 54, 54), np.eye(4)))
    found = sample_ribbon(small, np.ones((54, 54, 54)))
    inside = (WHITE.vertices > 1).all(axis=1)
    outside = (WHITE.vertices < -4).any(axis=1)
    assert np.isfinite(found[inside]).all()
    assert np.isnan(found[outside]).all()


def test_equivolumetric_depths_are_exact_on_a_cylinder():
    """r^2 = r0^2 + share (r1^2 - r0^2)."""
    white, pial = (tube(r, 20.0, 240, 41) for r in (10.0, 14.0))
    for share in (0.2, 0.5, 0.8):
        surface = depth_surface(white, pial, share)
        radius = np.linalg.norm(surface.vertices[:, :2], axis=1)
        assert np.allclose(radius, np.sqrt(100 + share * 96), atol=1e-9)
        even = depth_surface(white, pial, share, equivolumetric=False)
        assert np.allclose(np.linalg.norm(even.vertices[:, :2], axis=1), 10 + 4 * share)


def test_equivolumetric_depths_are_near_on_a_sphere():
    """r^3 = r0^3 + share (r1^3 - r0^3), area taken as linear."""
    shares = np.linspace(0, 1, 11)
    true = (np.cbrt(8000 + shares * (23**3 - 8000)) - 20) / 3
    area = np.full(11, 400.0), np.full(11, 529.0)
    found = np.array([equivolumetric_way(*area, s)[0] for s in shares])
    assert np.abs(found - true).max() < 0.002
    assert np.allclose(equivolumetric_way(*area[:1], area[0], 0.3), 0.3)
    assert equivolumetric_way(np.zeros(1), np.zeros(1), 0.7)[0] == 0.7


def test_depths_are_read_where_they_are():
    image = np.linalg.norm(box().world(), axis=-1).astype(np.float64)
    rows = sample_depths(
        Volume(image, box().affine), WHITE, PIAL, [0, 0.5, 1], equivolumetric=False
    )
    assert np.abs(rows - [[20], [21.5], [23]]).max() < 0.03
    with pytest.raises(UserError, match=r"surface.depths are shares .* not 1.2"):
        depth_surface(WHITE, PIAL, 1.2)


@hypothesis_settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_trilinear_is_scipys_where_all_is_known(seed):
    rng = np.random.default_rng(seed)
    data, places = rng.standard_normal((5, 6, 7)), rng.uniform(0, 4, (30, 3))
    assert np.allclose(trilinear(data, places), map_coordinates(data, places.T, order=1))
    data[2, 3, 3] = np.nan
    near = np.clip(1 - np.abs(places - [2, 3, 3]), 0, 1).prod(axis=1)
    found = trilinear(data, places)
    assert np.array_equal(np.isnan(found), near > 0.5)


def test_trilinear_leaves_out_what_is_missing_and_outside():
    data = np.full((4, 4, 4), 2.0)
    data[0] = np.nan
    places = np.array([[0.6, 1, 1], [0.4, 1, 1], [-0.6, 1, 1], [3.4, 1, 1], [3.6, 1, 1], [9, 9, 9]])
    assert np.array_equal(
        trilinear(data, places), [2, np.nan, np.nan, 2, np.nan, np.nan], equal_nan=True
    )
