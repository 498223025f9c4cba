"""Views through the brain, on images whose answer is known by construction."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.figures.planes import Box
from rt1t2_dask.report.figures.projection import project

BOX = Box(np.zeros(3), np.array([6.0, 8.0, 10.0]))


def image(affine: np.ndarray) -> Volume:
    data = np.full((4, 5, 6), np.nan, dtype=np.float32)
    data[1, 2, 3], data[1, 2, 4] = 2.0, -3.0
    return Volume(data, affine)


def test_the_strongest_value_keeps_its_sign_and_place():
    seen = project(image(np.diag([2.0, 2.0, 2.0, 1.0])), BOX)
    assert seen.axial.values.shape == (5, 4)
    assert seen.axial.values[2, 1] == -3.0
    assert np.isfinite(seen.axial.values).sum() == 1
    assert seen.axial.extent == (-1.0, 7.0, -1.0, 9.0)
    assert seen.sagittal.values[3, 2] == 2.0
    assert seen.sagittal.values[4, 2] == -3.0
    assert (seen.coronal.values[3, 1], seen.coronal.values[4, 1]) == (2.0, -3.0)


def test_a_grid_from_right_to_left_shows_the_same_world():
    plain = image(np.diag([2.0, 2.0, 2.0, 1.0]))
    flipped = plain.affine.copy()
    flipped[0, 0], flipped[0, 3] = -2.0, 6.0
    mirrored = Volume(plain.data[::-1].copy(), flipped)
    a, b = project(plain, BOX).axial, project(mirrored, BOX).axial
    np.testing.assert_array_equal(a.values, b.values)
    assert a.extent == b.extent
