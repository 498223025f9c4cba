"""What scanners and conversions leave at the border, and units, change no result."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_head import KnownHead, make_head

from rt1t2_dask.images.bias import correct
from rt1t2_dask.images.brain.foreground import bright_head, foreground, to_head
from rt1t2_dask.images.brain.trim import cut, filled, filled_box
from rt1t2_dask.images.registration.coregister import rigid
from rt1t2_dask.images.registration.scale import typical
from rt1t2_dask.images.transform import about, compose, move, translation
from rt1t2_dask.images.volume import Volume


@pytest.fixture(scope="module")
def head() -> KnownHead:
    return make_head(4, 4.0)


def padded(image: Volume, wide) -> Volume:
    start = -np.array([low for low, _ in wide], dtype=float)
    return Volume(np.pad(image.data, wide), image.affine @ translation(start))


@given(wide=st.tuples(*[st.tuples(st.integers(0, 5), st.integers(0, 5))] * 3))
def test_padding_of_one_value_is_cut_off_again_to_the_bit(wide):
    image = Volume(np.random.default_rng(0).random((6, 7, 8), dtype=np.float32), np.eye(4))
    back = filled(padded(image, wide))
    np.testing.assert_array_equal(back.data, image.data)
    np.testing.assert_allclose(back.affine, image.affine)


def test_a_blank_image_is_left_whole():
    assert filled_box(np.zeros((5, 6, 7))) == (slice(0, 5), slice(0, 6), slice(0, 7))


@pytest.mark.parametrize("mask_of", [foreground, bright_head])
def test_the_head_is_the_same_with_and_without_empty_slices(head, mask_of):
    wide = ((4, 0), (0, 7), (3, 9))
    inside = mask_of(padded(head.t1w, wide))
    expected = np.pad(mask_of(head.t1w), wide)
    np.testing.assert_array_equal(inside, expected)


def test_empty_slices_do_not_move_the_bias_field(head):
    wide = ((0, 0), (0, 0), (3, 3))
    more = padded(head.t1w, wide)
    plain = correct(head.t1w, foreground(head.t1w)).corrected
    other = correct(more, foreground(more)).corrected
    np.testing.assert_array_equal(other.data[:, :, 3:-3], plain.data)


def test_air_that_is_cut_off_does_not_move_the_head(head):
    there = np.argwhere(foreground(head.t1w))
    low, high = there.min(axis=0) - 3, there.max(axis=0) + 4  # its 10 mm
    x, y, z = (slice(max(a, 0), b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
    less = cut(head.t1w, (x, y, z))
    whole, part = to_head(head.t1w), to_head(less)
    assert whole.data.shape == part.data.shape
    np.testing.assert_array_equal(whole.data, part.data)


@given(power=st.integers(-20, 20))
def test_a_power_of_two_changes_no_bit(power):
    image = Volume(np.random.default_rng(1).normal(size=(4, 5, 6)).astype(np.float32), np.eye(4))
    scaled = image.with_data(np.ldexp(image.data, power))
    assert typical(scaled).data.tobytes() == typical(image).data.tobytes()
    assert 512 <= np.abs(typical(image).data).max() < 1024


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_a_gain_scales_the_corrected_image_by_itself_alone(head, factor):
    gained = head.t1w.with_data((head.t1w.data * factor).astype(np.float32))
    np.testing.assert_array_equal(foreground(gained), foreground(head.t1w))
    plain, other = (correct(image, foreground(image)).corrected for image in (head.t1w, gained))
    np.testing.assert_allclose(other.data / np.float32(factor), plain.data, rtol=1e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_header_turned_by_half_a_turn_is_found(head, axis):
    turn = -np.eye(4)
    turn[axis, axis] = turn[3, 3] = 1
    middle = move(head.t2w.affine, (np.array(head.t2w.data.shape) - 1) / 2)
    wrong = about(turn, middle)
    found = rigid(head.t1w, Volume(head.t2w.data, wrong @ head.t2w.affine)).matrix
    points = move(head.t1w.affine, np.argwhere(head.brain.data)[::200])
    truth = move(compose(head.t1_to_t2, wrong), points)
    assert np.linalg.norm(move(found, points) - truth, axis=1).mean() < 2.0
