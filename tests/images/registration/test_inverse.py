"""The way back from template to person, against fields whose inverse is known."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rt1t2_dask.images.registration.inverse import inverted, jacobian, read_at, template_points
from rt1t2_dask.images.transform import Warp, compose, rotation, translation
from rt1t2_dask.images.volume import Grid, Volume

AFFINE = compose(np.diag([-2.0, 2.0, 2.0, 1.0]), translation((30.0, -40.0, -20.0)))
GRID = Grid((40, 36, 32), AFFINE)


def smooth_field(seed: int = 0, largest_mm: float = 5.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = [ndimage.gaussian_filter(rng.normal(size=GRID.shape), 5) for _ in range(3)]
    field = np.stack(parts, axis=-1)
    return (largest_mm * field / np.abs(field).max()).astype(np.float32)


def test_a_point_moved_out_and_back_returns():
    pose = compose(rotation((10.0, -5.0, 20.0)), translation((3.0, 8.0, -4.0)))
    warp = Warp(pose, smooth_field(), GRID)
    inside = np.zeros(GRID.shape, dtype=bool)
    inside[8:-8, 8:-8, 8:-8] = True
    start = GRID.world()[inside].astype(np.float64)
    there = warp.points(start)
    one = np.ones((1, 1, 1), dtype=bool)
    found = [
        template_points(warp, Grid((1, 1, 1), translation(point)), one)[0] for point in there[::97]
    ]
    apart = np.linalg.norm(np.array(found) - start[::97], axis=1)
    assert apart.max() < 0.15


def test_jacobian_of_a_linear_field_is_its_determinant():
    matrix = np.array([[0.1, 0.05, 0.0], [0.0, -0.2, 0.1], [0.02, 0.0, 0.3]])
    field = (GRID.world() @ matrix.T).astype(np.float32)
    found = jacobian(field, GRID)
    np.testing.assert_allclose(found, np.linalg.det(np.eye(3) + matrix), rtol=1e-4)


def test_a_fold_has_a_negative_jacobian():
    field = np.zeros((*GRID.shape, 3), dtype=np.float32)
    field[..., 0] = -2 * GRID.world()[..., 0]
    assert (jacobian(field, GRID) < 0).all()


def test_inverse_of_a_shift_is_the_shift_back():
    field = np.broadcast_to(np.float32([3.0, -2.0, 1.0]), (*GRID.shape, 3)).copy()
    np.testing.assert_allclose(inverted(field, GRID), -field, atol=1e-5)


def test_a_map_of_the_template_is_read_where_the_person_has_it():
    ramp = Volume(GRID.world()[..., 1].astype(np.float32), AFFINE)
    pose = translation((0.0, 7.0, 0.0))
    person = Grid((10, 10, 10), translation((-10.0, 0.0, 0.0)))
    inside = np.ones(person.shape, dtype=bool)
    (found,) = read_at([ramp], Warp(pose), person, inside)
    expected = person.world()[..., 1].ravel() - 7.0
    np.testing.assert_allclose(found, expected, atol=1e-4)
