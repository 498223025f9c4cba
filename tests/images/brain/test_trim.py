"""Empty slices at the border of a scan leave no bit of what is read from it."""

from __future__ import annotations

import numpy as np
import pytest

from rt1t2_dask.images.brain.trim import filled
from rt1t2_dask.images.transform import compose, rotation, translation
from rt1t2_dask.images.volume import Volume

POSE = compose(np.diag([0.9, 0.9, 5.5, 1]), rotation((11, -3, 7)), translation((-98.2, -71.7, -40)))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("width", [(3, 0), (0, 3), (1, 2)])
def test_padding_changes_no_bit_though_headers_hold_seven_digits(axis, width):
    data = np.random.default_rng(3).normal(size=(9, 8, 7)).astype(np.float32)
    shift = np.zeros(3)
    shift[axis] = -width[0]
    padding = [width if k == axis else (0, 0) for k in range(3)]
    header = (POSE @ translation(shift)).astype(np.float32).astype(np.float64)
    plain = filled(Volume(data, POSE.astype(np.float32).astype(np.float64)))
    padded = filled(Volume(np.pad(data, padding), header))
    assert padded.data.tobytes() == plain.data.tobytes() == data.tobytes()
    assert padded.affine.tobytes() == plain.affine.tobytes()
    np.testing.assert_allclose(plain.affine, POSE, atol=6e-4)
