import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from rt1t2_dask.images.distance import depth_in, distance_from, eroded_faces

SHAPES = st.tuples(*[st.integers(1, 19)] * 3)
SIZES = st.tuples(*[st.floats(0.25, 5.0)] * 3)


@given(st.data(), SHAPES, SIZES)
def test_distances_are_scipys(data, shape, voxel_mm):
    mask = data.draw(arrays(bool, shape))
    if not mask.any():
        assert np.isposinf(distance_from(mask, voxel_mm)).all()
        return
    expected = ndimage.distance_transform_edt(~mask, sampling=voxel_mm)
    np.testing.assert_allclose(distance_from(mask, voxel_mm), expected, rtol=1e-6)


def test_limits_of_whole_millimetres_are_reached_exactly():
    mask = np.zeros((21, 21, 21), bool)
    mask[10, 10, 10] = True
    assert (distance_from(mask, (0.8, 0.8, 0.8))[10, 10, 15] <= 4.0).all()
    assert distance_from(mask, (1.0, 1.0, 1.0))[13, 14, 10] == 5.0
    assert depth_in(~mask, (1.0, 2.0, 1.0))[10, 13, 10] == 6.0


@given(st.data(), SHAPES, st.booleans(), st.sets(st.integers(0, 2), min_size=1))
def test_erosion_is_scipys(data, shape, beyond, axes):
    mask = data.draw(arrays(bool, shape))
    cross = np.zeros((3, 3, 3), bool)
    cross[1, 1, 1] = True
    for axis in axes:
        np.moveaxis(cross, axis, 0)[:, 1, 1] = True
    expected = ndimage.binary_erosion(mask, cross, border_value=beyond)
    np.testing.assert_array_equal(eroded_faces(mask, axes, beyond=beyond), expected)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_does_not_matter(order):
    mask = np.asarray(np.random.default_rng(0).random((9, 8, 7)) < 0.05, order=order)
    expected = ndimage.distance_transform_edt(~mask, sampling=(1, 2, 3))
    np.testing.assert_allclose(distance_from(mask, (1.0, 2.0, 3.0)), expected, rtol=1e-6)
