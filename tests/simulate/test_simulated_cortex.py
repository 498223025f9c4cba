"""Template surfaces fitted to the ribbon, and carried to simulated people."""

from __future__ import annotations

import numpy as np
import pytest

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.images.names import GREY, WHITE
from rt1t2_dask.simulate.cortex.carry import carried, template_to_subject
from rt1t2_dask.simulate.pose import draw_warp
from rt1t2_dask.surface.fit import distance_mm, fit_cortex
from rt1t2_dask.surface.fsaverage import KINDS, SIDES, asset_name, fsaverage5
from rt1t2_dask.surface.mesh import Mesh

GRID = Grid(
    (96, 96, 96), np.array([[2.0, 0, 0, -96], [0, 2, 0, -96], [0, 0, 2, -96], [0, 0, 0, 1]])
)


def ball(radius: float) -> Mesh:
    """Return a round mesh, an octahedron divided five times."""
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    faces = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4],
                      [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])  # fmt: skip
    for _ in range(4):
        edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        pairs, index = np.unique(edges, axis=0, return_inverse=True)
        middle = points[pairs].mean(axis=1)
        a, b, c = (index.reshape(-1, 3) + len(points)).T
        points = np.concatenate([points, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
        x, y, z = faces.T
        faces = np.concatenate(
            [np.stack(t, axis=1) for t in ((x, a, c), (a, y, b), (c, b, z), (a, b, c))]
        )
    return Mesh(radius * points, faces)


def share(radius: float) -> Volume:
    """Return the share of each voxel within a ball, blurred over 2 mm."""
    away = np.linalg.norm(GRID.world(), axis=-1)
    return Volume(np.clip((radius - away) / 2 + 0.5, 0, 1).astype(np.float32), GRID.affine)


def test_the_inverse_of_the_true_map_is_exact_to_a_micrometre():
    warp = draw_warp(np.random.default_rng(3), GRID)
    points = np.random.default_rng(4).uniform(-70, 70, (500, 3))
    there = template_to_subject(warp, points)
    np.testing.assert_allclose(warp.subject_to_template(there), points, atol=1e-3)


def test_a_carried_surface_lies_where_the_map_says_and_keeps_its_triangles():
    warp = draw_warp(np.random.default_rng(5), GRID)
    surface = ball(50)
    moved = carried(surface, warp)
    np.testing.assert_allclose(
        warp.subject_to_template(moved.vertices), surface.vertices, atol=1e-3
    )
    assert np.array_equal(moved.faces, surface.faces)


def test_the_distance_along_normals_is_that_to_the_edge():
    found = distance_mm(ball(47), share(50))
    np.testing.assert_allclose(found, 3, atol=0.25)  # an eighth of a voxel
    assert np.isnan(distance_mm(ball(30), share(50))).all()


def test_a_ball_is_fitted_to_a_ball():
    whole = share(53)
    white = share(50)
    grey = white.with_data(whole.data - white.data)
    cortex, fit = fit_cortex(ball(47), ball(49.5), grey, white)
    radius = np.linalg.norm(cortex.white.vertices, axis=1)
    np.testing.assert_allclose(radius, 50, atol=0.25)
    assert fit.before_mm == pytest.approx(3, abs=0.15) and fit.after_mm < 0.1
    thickness = np.linalg.norm(cortex.pial.vertices - cortex.white.vertices, axis=1)
    np.testing.assert_allclose(thickness, 2.5, atol=0.1)


@pytest.mark.assets
@pytest.mark.parametrize("side", SIDES)
def test_fsaverage5_comes_within_half_a_millimetre_of_the_ribbon(side):
    template = fsaverage5({k: assets.read(assets.resolve(asset_name(k, side))) for k in KINDS})
    grey, white = (from_bytes(assets.read(assets.resolve(n)), n) for n in (GREY, WHITE))
    shares = [v.with_data(v.data / 255) for v in (grey, white)]
    cortex, fit = fit_cortex(template.white, template.pial, *shares)
    assert fit.before_mm > 1.1 and fit.after_mm < 0.4 and fit.p95_mm < 2 and fit.share > 0.9
    outward = np.einsum("ij,ij->i", cortex.pial.face_vectors, template.pial.face_vectors)
    assert np.mean(outward < 0) < 0.03
    assert 700 < np.count_nonzero(~template.cortex) < 900
