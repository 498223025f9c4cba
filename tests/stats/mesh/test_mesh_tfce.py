"""Clusters and TFCE on meshes against labelling at every height, by scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import stat_meshes as meshes
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask import assets
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.surface import SURFACES, hemisphere
from rt1t2_dask.stats.clusters.lattice import lattice
from rt1t2_dask.stats.clusters.tfce import tfce
from rt1t2_dask.stats.mesh.neighbourhood import SearchMesh, neighbourhood
from rt1t2_dask.stats.mesh.workspace import MeshWorkspace, mesh_tfce

KINDS = ("plane", "sphere", "two spheres")


def random_mesh(seed, kind):
    rng = np.random.default_rng(seed)
    if kind == "two spheres":
        mesh = meshes.two_spheres(42)[0]
    else:
        faces, points = meshes.plane(seed) if kind == "plane" else meshes.sphere(92)
        mesh = SearchMesh(faces, meshes.vertex_areas(faces, points))
    mask = rng.random(mesh.vertices) < 0.85
    mask[0] = True
    return replace(mesh, areas=mesh.areas * rng.uniform(0.5, 2, mesh.vertices), mask=mask)


def random_map(seed, mesh, levels=0):
    values = np.random.default_rng(seed + 1).normal(size=mesh.vertices).astype(np.float32) * 2
    return np.round(values * levels) / np.float32(levels) if levels else values


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(KINDS),
    st.sampled_from([(1.0, 2.0), (0.5, 2.0), (0.7, 1.5), (0.0, 2.0)]),
    st.sampled_from([0, 2]),
)
def test_tfce_equals_its_definition(seed, kind, powers, levels):
    mesh = random_mesh(seed, kind)
    values = random_map(seed, mesh, levels)
    space = neighbourhood(mesh)
    expected = [
        meshes.tfce_by_labelling(mesh, side * values.astype(np.float64), *powers)
        for side in (1, -1)
    ]
    workspace = MeshWorkspace(space, *powers)
    ours = workspace.tfce(values[mesh.mask])
    whole = (expected[0] - expected[1])[mesh.mask]
    np.testing.assert_allclose(ours, whole, rtol=1e-6, atol=1e-9)
    tops = workspace.largest_tfce(values[mesh.mask])
    np.testing.assert_allclose(tops, [e.max() for e in expected], rtol=1e-9)
    np.testing.assert_array_equal(workspace.tfce(values[mesh.mask]), ours)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(KINDS), st.floats(0.1, 5))
def test_largest_clusters_against_scipy(seed, kind, height):
    mesh = random_mesh(seed, kind)
    values = random_map(seed, mesh)
    space = neighbourhood(mesh)
    found = MeshWorkspace(space).largest_clusters(space.cells, values[mesh.mask], height)
    for side, (extent, mass) in zip((1, -1), found, strict=True):
        excess = side * values.astype(np.float64) - height
        labels = meshes.labelled(mesh, (excess > 0) & mesh.mask)
        assert extent == pytest.approx(meshes.areas_of(mesh, labels).max(), rel=1e-9)
        weighted = replace(mesh, areas=np.maximum(excess, 0) * mesh.areas)
        assert mass == pytest.approx(meshes.areas_of(weighted, labels).max(), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(KINDS), st.sampled_from([0, 2]))
def test_the_numbering_of_vertices_changes_nothing(seed, kind, levels):
    """Areas are the same bits; TFCE and mass, sums of products, agree to rounding."""
    mesh = random_mesh(seed, kind)
    values = random_map(seed, mesh, levels)
    rng = np.random.default_rng(seed)
    order = rng.permutation(mesh.vertices)  # new vertex k is old vertex order[k]
    rank = np.argsort(order)
    faces = rng.permuted(rank[mesh.faces], axis=1)[rng.permutation(len(mesh.faces))]
    other = SearchMesh(faces, mesh.areas[order], mesh.mask[order])
    moved = values[order]
    spaces = [neighbourhood(mesh), neighbourhood(other)]
    one, two = (MeshWorkspace(space) for space in spaces)
    inside = mesh.mask
    np.testing.assert_allclose(
        two.tfce(moved[other.mask]),
        _scattered(one.tfce(values[inside]), inside)[order][other.mask], rtol=1e-6,
    )  # fmt: skip
    first = one.largest_clusters(spaces[0].cells, values[inside], 0.7)
    second = two.largest_clusters(spaces[1].cells, moved[other.mask], 0.7)
    np.testing.assert_array_equal(second[:, 0], first[:, 0])
    np.testing.assert_allclose(second[:, 1], first[:, 1], rtol=1e-12)


def _scattered(values, inside):
    whole = np.zeros(len(inside), values.dtype)
    whole[inside] = values
    return whole


def test_joined_hemispheres_are_one_search():
    """The largest of both, and no cluster across."""
    faces, points = meshes.sphere(162)
    one = SearchMesh(faces, meshes.vertex_areas(faces, points))
    both = SearchMesh.joined([one, one])
    values = random_map(3, both)
    halves = [values[:162], values[162:]]
    whole = MeshWorkspace(neighbourhood(both))
    half = MeshWorkspace(neighbourhood(one))
    tops = np.max([half.largest_tfce(v) for v in halves], axis=0)
    np.testing.assert_allclose(whole.largest_tfce(values), tops, rtol=1e-9)
    clusters = [half.largest_clusters(half.space.cells, v, 0.3) for v in halves]
    found = whole.largest_clusters(whole.space.cells, values, 0.3)
    np.testing.assert_allclose(found, np.max(clusters, axis=0), rtol=1e-9)
    apart = np.concatenate([half.tfce(v) for v in halves])
    np.testing.assert_allclose(whole.tfce(values), apart, rtol=1e-6)


def test_tfce_of_a_disc():
    """A plateau of height 3 on a known area: area * 3^3 / 3."""
    faces, points = meshes.sphere(642)
    mesh = SearchMesh(faces, meshes.vertex_areas(faces, points))
    disc = points[:, 2] > 20
    enhanced = mesh_tfce(np.where(disc, 3.0, np.nan), neighbourhood(mesh))
    assert enhanced.max() == pytest.approx(mesh.areas[disc].sum() * 9, rel=1e-6)
    assert not enhanced[~disc].any()


def test_a_grid_of_unit_areas_is_the_volume():
    """One slice of voxels, and the mesh of its edges and diagonals, with E and H of volumes."""
    side = 12
    mask = np.ones((side, side, 1), bool)
    number = np.arange(side * side).reshape(side, side)
    corners = [number[:-1, :-1], number[1:, :-1], number[:-1, 1:], number[1:, 1:]]
    quads = np.stack(corners, axis=-1).reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [1, 2, 3]], quads[:, [0, 1, 3]]])
    mesh = SearchMesh(faces, np.ones(side * side))
    values = random_map(5, mesh)
    on_mesh = mesh_tfce(values, neighbourhood(mesh), 0.5, 2.0)
    np.testing.assert_allclose(on_mesh, tfce(values, lattice(mask, 26)), rtol=1e-6)


@pytest.mark.parametrize("levels", [0, 4])
def test_tfce_on_fsaverage5(levels):
    files = {n: assets.find(f"fsaverage5_{n}_left") for n in SURFACES}
    if None in files.values():
        pytest.skip("nilearn's fsaverage5 is not installed")
    surface = hemisphere({n: assets.read(a) for n, a in files.items()})
    areas = meshes.vertex_areas(surface.faces, surface.middle)
    mesh = SearchMesh(surface.faces, areas, areas > np.quantile(areas, 0.05))
    values = random_map(1, mesh)
    for _ in range(2):
        values = _averaged(mesh, values)
    values = np.round(values * 200 / levels) * np.float32(levels / 200) if levels else values
    values[np.abs(values) < np.quantile(np.abs(values), 0.97)] *= np.float32(1e-3)
    values = np.round(values * 1000) / np.float32(1000)  # few heights for the slow way
    ours = mesh_tfce(values[mesh.mask], neighbourhood(mesh))
    up, down = (meshes.tfce_by_labelling(mesh, s * values.astype(np.float64)) for s in (1, -1))
    expected = (up - down)[mesh.mask]
    assert np.abs(ours - expected).max() < 1e-6 * np.abs(expected).max()


def _averaged(mesh, values):
    total = np.zeros(mesh.vertices)
    for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        np.add.at(total, mesh.faces[:, a], values[mesh.faces[:, b]])
    return (total / np.bincount(mesh.faces.ravel(), minlength=mesh.vertices) / 2).astype(np.float32)


def test_edges_join_tested_vertices_only():
    mesh = SearchMesh(np.array([[0, 1, 2], [1, 2, 3]]), np.ones(4), np.array([1, 1, 0, 1], bool))
    space = neighbourhood(mesh)
    assert [a.tolist() for a in space.edges()] == [[0, 1], [1, 2]]
    lonely = neighbourhood(mesh, np.array([True, False, True, True]))
    assert lonely.indptr.tolist() == [0, 0, 0]
    labels, count = lonely.components(np.ones(2, bool))
    assert (labels.tolist(), count) == ([1, 2], 2)


@pytest.mark.parametrize(
    ("faces", "areas", "mask", "said"),
    [
        ([[0, 1]], np.ones(3), None, "need integers"),
        ([[0, 1, 2.0]], np.ones(3), None, "need integers"),
        ([[0, 1, 3]], np.ones(3), None, "vertices 0 to 3"),
        ([[0, 1, 2]], [1, -1, 1], None, "one finite number"),
        ([[0, 1, 2]], [1, np.nan, 1], None, "one finite number"),
        ([[0, 1, 2]], np.ones(3), np.ones(4, bool), "a mask of shape"),
    ],
)
def test_wrong_meshes_are_refused(faces, areas, mask, said):
    with pytest.raises(UserError, match=said):
        SearchMesh(np.array(faces), np.array(areas), mask)
