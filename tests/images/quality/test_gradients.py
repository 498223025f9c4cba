"""Gradients of the ratio against fields that were put in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.images.quality.gradients import HALF_WIDTH_MM, RADIUS_MM, gradients
from rt1t2_dask.images.volume import Volume

SHAPE, MM = (36, 44, 36), 4.0
AFFINE = np.diag([MM, MM, MM, 1.0])
AFFINE[:3, 3] = -MM * (np.array(SHAPE) - 1) / 2
WORLD = np.indices(SHAPE).transpose(1, 2, 3, 0) * MM + AFFINE[:3, 3]
BRAIN = np.linalg.norm(WORLD / [66, 82, 64], axis=-1) < 1
GREY = np.where(BRAIN, 0.5 + 0.5 * np.cos(WORLD[..., 0] / 9) * np.cos(WORLD[..., 2] / 7), 0)


def head(tilt: float, deep: float, seed: int = 0) -> Volume:
    away = (WORLD[BRAIN] - WORLD[BRAIN].mean(axis=0)) / RADIUS_MM
    logs = 0.4 - 0.3 * GREY[BRAIN] + tilt * WORLD[BRAIN][:, 0] / (2 * HALF_WIDTH_MM)
    logs += deep * (away**2).sum(axis=-1)
    logs += 0.05 * np.random.default_rng(seed).standard_normal(BRAIN.sum())
    data = np.full(SHAPE, np.nan, np.float32)
    data[BRAIN] = np.exp(logs)
    return Volume(data, AFFINE)


@given(tilt=st.floats(-0.3, 0.3), deep=st.floats(-0.5, 0.5))
def test_what_was_put_in_comes_back(tilt, deep):
    found = gradients(head(tilt, deep), GREY, np.where(BRAIN, 1 - GREY, 0))
    assert found["ratio_left_right"] == pytest.approx(100 * tilt, abs=0.5)
    assert found["ratio_centre_edge"] == pytest.approx(100 * deep, abs=0.8)


def test_units_and_voxels_that_are_missing_change_nothing():
    ratio, white = head(0.1, -0.2), np.where(BRAIN, 1 - GREY, 0)
    known = gradients(ratio, GREY, white)
    scaled = gradients(ratio.with_data(ratio.data * 7), GREY, white)
    assert scaled == pytest.approx(known, rel=1e-4)
    holed = ratio.data.copy()
    holed[20:24, 20:24, 20:24], holed[5, 20, 20] = np.nan, -1
    found = gradients(ratio.with_data(holed), GREY, white)
    assert found == pytest.approx(known, abs=0.3)


def test_too_few_voxels_tell_nothing():
    nothing = Volume(np.full(SHAPE, np.nan, np.float32), AFFINE)
    assert all(np.isnan(v) for v in gradients(nothing, GREY, 1 - GREY).values())
