"""Planes through images show the right place, on the right side."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest
from fake_report import AFFINE_4MM, SHAPE_4MM, fake_t_map

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.figures.planes import Box, Plane, box_round, supra_threshold

BOX = Box(np.array([-40.0, -60.0, -20.0]), np.array([40.0, 30.0, 50.0]))


def coordinate_image(affine: np.ndarray, axis: int) -> Volume:
    """An image whose value is the world coordinate itself."""
    empty = Volume(np.zeros(SHAPE_4MM), affine)
    return empty.with_data(empty.grid.world()[..., axis].astype(float))


@pytest.mark.parametrize("plane_axis", [0, 1, 2])
@pytest.mark.parametrize("flipped", [False, True], ids=["RAS", "LAS"])
def test_linear_sampling_returns_world_coordinates(plane_axis: int, flipped: bool) -> None:
    affine = AFFINE_4MM.copy()
    if flipped:
        affine[0] = [-4, 0, 0, 90]
    plane = Plane(plane_axis, 7.0, BOX)
    across, up = plane.ticks_mm
    expected = np.empty((3, up.size, across.size))
    expected[plane_axis] = 7.0
    expected[plane.in_plane[0]] = across[None, :]
    expected[plane.in_plane[1]] = up[:, None]
    for axis in range(3):
        shown = plane.sample(coordinate_image(affine, axis), order=1)
        np.testing.assert_allclose(shown, expected[axis], atol=1e-9)


def test_left_of_the_person_is_left_of_the_picture() -> None:
    volume = Volume(np.zeros(SHAPE_4MM), AFFINE_4MM)
    left_only = volume.with_data((volume.grid.world()[..., 0] < -2).astype(float))
    for axis in (1, 2):
        shown = Plane(axis, 0.0, BOX).sample(left_only)
        assert shown[:, :20].all()
        assert not shown[:, -20:].any()


def test_outside_the_image_is_nan() -> None:
    tiny = Volume(np.ones((3, 3, 3)), np.eye(4))
    shown = Plane(2, 1.0, BOX).sample(tiny)
    assert np.isfinite(shown).sum() == 9


def test_box_holds_every_voxel_of_the_mask_on_an_oblique_grid() -> None:
    angle = np.deg2rad(20)
    affine = np.eye(4)
    affine[:2, :2] = 3 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[3:9, 4:15, 2:5] = True
    box = box_round(mask, affine, margin_mm=0)
    world = Volume(mask, affine).grid.world()[mask]
    assert (world >= box.low - 1e-4).all()
    assert (world <= box.high + 1e-4).all()


@pytest.mark.parametrize("extent_mm3", [0.0, 300.0, 750.0, 1e7])
def test_supra_threshold_agrees_with_cc3d(extent_mm3: float) -> None:
    t_map = fake_t_map(seed=5)
    kept = np.isfinite(supra_threshold(t_map, 1.5, extent_mm3).data)
    expected = np.zeros_like(kept)
    for sign in (1, -1):
        labels = cc3d.connected_components(np.nan_to_num(sign * t_map.data) > 1.5, connectivity=18)
        for label in range(1, labels.max() + 1):
            if (labels == label).sum() * 64 >= extent_mm3:
                expected |= labels == label
    np.testing.assert_array_equal(kept, expected)


def test_threshold_is_strict() -> None:
    t_map = Volume(np.full((3, 3, 3), 2.0), np.eye(4))
    assert not np.isfinite(supra_threshold(t_map, 2.0, 0).data).any()
    assert np.isfinite(supra_threshold(t_map, 1.999, 0).data).all()


def test_a_cluster_of_exactly_the_extent_is_kept() -> None:
    t = np.zeros((6, 6, 6))
    t[1:3, 1:3, 1:4] = 5.0
    t_map = Volume(t, np.diag([2.0, 2.0, 2.0, 1.0]))
    assert np.isfinite(supra_threshold(t_map, 3.0, 12 * 8).data).sum() == 12
    assert not np.isfinite(supra_threshold(t_map, 3.0, 12 * 8 + 1).data).any()


def test_samples_fill_the_box_and_do_not_leave_it() -> None:
    plane = Plane(2, 0.0, Box(np.array([-5.5, -4.0, 0.0]), np.array([5.0, 4.0, 9.0])), 2.0)
    across, up = plane.ticks_mm
    np.testing.assert_allclose(across, [-5.5, -3.5, -1.5, 0.5, 2.5, 4.5])
    np.testing.assert_allclose(up, [-4, -2, 0, 2, 4])
    assert plane.extent == (-6.5, 5.5, -5, 5)
