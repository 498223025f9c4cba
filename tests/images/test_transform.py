import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rt1t2_dask.images.transform import (
    Warp,
    about,
    compose,
    flip_lps,
    inverse,
    move,
    rotation,
    translation,
)
from rt1t2_dask.images.volume import Grid

angles = st.tuples(*[st.floats(-180, 180)] * 3)
shifts = st.tuples(*[st.floats(-200, 200)] * 3)


@given(angles)
def test_rotation_equals_scipys_extrinsic_xyz(degrees):
    expected = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    np.testing.assert_allclose(rotation(degrees)[:3, :3], expected, atol=1e-12)


@given(angles, shifts)
def test_a_pose_and_its_inverse_cancel(degrees, shift):
    pose = compose(rotation(degrees), translation(shift))
    np.testing.assert_allclose(compose(pose, inverse(pose)), np.eye(4), atol=1e-9)


def test_compose_applies_the_first_matrix_first():
    quarter = rotation((0, 0, 90))
    point = np.array([[1.0, 0, 0]])
    moved = move(compose(quarter, translation((10, 0, 0))), point)
    np.testing.assert_allclose(moved, [[10, 1, 0]], atol=1e-12)


@given(angles, shifts)
def test_about_leaves_its_centre_in_place(degrees, centre):
    kept = move(about(rotation(degrees), np.array(centre)), np.array(centre))
    np.testing.assert_allclose(kept, centre, atol=1e-9)


def test_flip_lps_moves_the_same_point_written_in_lps():
    pose = compose(rotation((5, 10, 20)), translation((3, 4, 5)))
    ras = np.array([7.0, -2.0, 11.0])
    sign = np.array([-1, -1, 1])
    np.testing.assert_allclose(move(flip_lps(pose), ras * sign), move(pose, ras) * sign)


def test_warp_adds_the_displacement_before_the_affine():
    grid = Grid((4, 5, 6), np.diag([2.0, 2, 2, 1]))
    displacement = np.zeros((4, 5, 6, 3), dtype=np.float32)
    displacement[..., 0] = 3.0
    warp = Warp(rotation((0, 0, 90)), displacement, grid)
    np.testing.assert_allclose(warp.points(np.array([[1.0, 2, 2]])), [[-2, 4, 2]], atol=1e-6)


def test_warp_interpolates_linearly_and_holds_its_edge():
    grid = Grid((3, 3, 3), np.diag([10.0, 10, 10, 1]))
    displacement = np.zeros((3, 3, 3, 3), dtype=np.float32)
    displacement[..., 2] = grid.world()[..., 0]
    warp = Warp(np.eye(4), displacement, grid)
    moved = warp.points(np.array([[5.0, 0, 0], [100.0, 0, 0]]))
    np.testing.assert_allclose(moved, [[5, 0, 5], [100, 0, 20]], atol=1e-6)


def test_a_displacement_that_does_not_fit_its_grid_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 3, 3, 3\)"):
        Warp(np.eye(4), np.zeros((2, 2, 2, 3), np.float32), Grid((3, 3, 3), np.eye(4)))
