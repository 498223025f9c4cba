"""Common meshes: directions find their triangle, harmonics keep their value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from known_meshes import grid, icosphere
from scipy import special
from scipy.spatial.transform import Rotation

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.mesh import Mesh
from rt1t2_dask.surface.resample import area_corrected, barycentric, nearest, resampled

COARSE, FINE = icosphere(3, 100.0), icosphere(4, 100.0)


def turned(mesh: Mesh, seed: int) -> Mesh:
    return mesh.moved(Rotation.random(rng=seed).apply(mesh.vertices))


def harmonic(places, degree, order):
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    polar = np.arccos(np.clip(unit[:, 2], -1, 1))
    return special.sph_harm_y(degree, order, polar, np.arctan2(unit[:, 1], unit[:, 0])).real


def test_the_same_sphere_is_the_identity():
    areas = np.random.default_rng(0).uniform(1, 3, len(COARSE.vertices))
    for weights in (barycentric(COARSE, COARSE), area_corrected(COARSE, COARSE, areas, areas)):
        assert abs(weights - np.eye(len(areas))).max() < 1e-12
    assert np.array_equal(nearest(COARSE, COARSE), np.arange(len(areas)))


@hypothesis_settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["any", "vertex", "edge", "pole"]))
def test_every_direction_lies_in_its_triangle(seed, kind):
    """Weights are positive, sum to 1 and lead back to the direction, on corners and edges too."""
    rng = np.random.default_rng(seed)
    source = turned(COARSE, seed)
    places = rng.standard_normal((20, 3))
    if kind == "vertex":
        places = source.vertices[rng.integers(len(source.vertices), size=20)]
    elif kind == "edge":
        places = source.vertices[source.edges[rng.integers(len(source.edges), size=20)]].mean(1)
    elif kind == "pole":
        places, source = np.repeat([[0, 0, 1.0], [0, 0, -1]], 10, axis=0), COARSE
    places = 50 * places / np.linalg.norm(places, axis=1, keepdims=True)
    weights = barycentric(source, Mesh(places, np.zeros((0, 3), int)))
    assert weights.data.min() > 0
    assert np.allclose(weights.sum(axis=1), 1)
    back = weights @ source.vertices
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    assert np.abs(back * 50 - places).max() < 1e-6
    assert np.diff(weights.indptr).max() <= 3


def test_stretched_spheres_and_faces_seen_from_inside_find_their_triangles():
    """Triangles much larger than their neighbours: the nearest centre is often a wrong one."""
    pulled = COARSE.vertices * [1, 1, 4.0] + [0, 0, 60]
    pulled *= 100 / np.linalg.norm(pulled, axis=1, keepdims=True)
    for faces in (COARSE.faces, COARSE.faces[:, ::-1]):
        weights = barycentric(Mesh(pulled, faces), FINE)
        back = weights @ pulled
        back *= 100 / np.linalg.norm(back, axis=1, keepdims=True)
        assert np.abs(back - FINE.vertices).max() < 1e-5


@pytest.mark.parametrize(("source", "target"), [(FINE, COARSE), (COARSE, FINE), (FINE, FINE)])
def test_harmonics_keep_their_values(source, target):
    target = turned(target, 3)
    weights = area_corrected(source, target, source.vertex_areas, target.vertex_areas)
    assert np.allclose(weights.sum(axis=1), 1)
    for degree in (1, 4):
        found = resampled(weights, harmonic(source.vertices, degree, 1))
        true = harmonic(target.vertices, degree, 1)
        assert np.mean(np.abs(found - true)) < 0.03 * np.mean(np.abs(true))


def test_area_correction_is_that_of_workbench_written_out():
    """``SurfaceResamplingHelper::computeWeightsAdapBaryArea`` with dictionaries, as it stands."""
    rng = np.random.default_rng(4)
    source, target = icosphere(3, 100.0), turned(icosphere(2, 100.0), 8)
    old, new = rng.uniform(1, 2, len(source.vertices)), rng.uniform(1, 2, len(target.vertices))
    forward = barycentric(source, target).tolil()
    reverse = barycentric(target, source).tolil()
    gather = [{} for _ in new]
    for node in range(len(old)):
        for to, weight in zip(reverse.rows[node], reverse.data[node], strict=True):
            gather[to][node] = weight
    adapted = []
    for node, back in enumerate(gather):
        ahead = dict(zip(forward.rows[node], forward.data[node], strict=True))
        chosen = back if set(back) - set(ahead) else ahead
        adapted.append({k: w * new[node] for k, w in chosen.items()})
    given_out = np.zeros(len(old))
    for row in adapted:
        for k, w in row.items():
            given_out[k] += w
    expected = np.zeros((len(new), len(old)))
    for node, row in enumerate(adapted):
        for k, w in row.items():
            expected[node, k] = w * old[k] / given_out[k]
    expected /= expected.sum(axis=1, keepdims=True)
    assert np.abs(area_corrected(source, target, old, new) - expected).max() < 1e-12


def test_what_is_missing_is_left_out_and_the_medial_wall_is_missing():
    target = turned(FINE, 5)
    weights = barycentric(COARSE, target)
    values = np.where(COARSE.vertices[:, 0] > 20, np.nan, 7.0)
    cortex = target.vertices[:, 1] > -50
    found = resampled(weights, np.stack([values, 2 * values]), cortex)
    share = weights @ np.isfinite(values).astype(float)
    assert np.array_equal(np.isfinite(found[0]), (share >= 0.5 - 1e-9) & cortex)
    assert np.allclose(found[0][np.isfinite(found[0])], 7)
    assert np.array_equal(found[1], 2 * found[0], equal_nan=True)


def test_labels_come_from_the_nearest_vertex():
    target = turned(FINE, 6)
    distance = np.linalg.norm(target.vertices[:, None] - COARSE.vertices[None], axis=2)
    assert np.array_equal(nearest(COARSE, target), distance.argmin(axis=1))


def test_wrong_meshes_are_refused():
    with pytest.raises(SubjectError, match="target is no sphere"):
        barycentric(COARSE, grid(4, 1.0))
    with pytest.raises(SubjectError, match="source: 642 vertices, 3 areas"):
        area_corrected(COARSE, FINE, np.ones(3), FINE.vertex_areas)
    with pytest.raises(SubjectError, match="has 5 vertices, not 642"):
        resampled(barycentric(COARSE, FINE), np.ones(5))
