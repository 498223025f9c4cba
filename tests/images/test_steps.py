"""A scan in other units gives the same whole numbers, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.images.steps import in_steps
from rt1t2_dask.images.volume import Volume


def scan(most: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, most / 8, (40, 40, 40)).clip(0, most).round()
    values[:3] = 0
    values[5, 5, :4] = [0, 1, 2, most]
    return values


@given(st.floats(-6, 6), st.sampled_from([90, 1664, 4095, 32767]), st.integers(0, 9))
@settings(max_examples=40)
def test_any_unit_gives_the_same_whole_numbers(power, most, seed):
    values = scan(most, seed)
    found, step = in_steps(Volume((values * 10.0**power).astype(np.float32), np.eye(4)))
    np.testing.assert_array_equal(found.data, values)
    assert step == pytest.approx(10.0**power, rel=1e-5)


def test_whole_numbers_are_left_alone():
    image = Volume(scan(1664).astype(np.float32), np.eye(4))
    found, step = in_steps(image)
    assert found is image and step == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_what_has_no_steps_is_left_alone(seed):
    rng = np.random.default_rng(seed)
    image = Volume(rng.normal(100, 20, (30, 30, 30)).astype(np.float32), np.eye(4))
    found, step = in_steps(image)
    assert found is image and step == 1.0


def test_blank_and_two_valued_images_are_left_alone():
    for values in (
        np.zeros((4, 4, 4)),
        np.full((4, 4, 4), 3.0),
        np.eye(4)[None] * np.ones((4, 1, 1)),
    ):
        image = Volume(values.astype(np.float32), np.eye(4))
        assert in_steps(image)[0] is image


def test_negative_ringing_keeps_its_sign():
    values = scan(1000) - 20
    found, _ = in_steps(Volume((values * 0.37).astype(np.float32), np.eye(4)))
    np.testing.assert_array_equal(found.data, values)
