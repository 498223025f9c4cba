import numpy as np
import pytest

from rt1t2_dask.ratio.stripe import WIDTH, white_stripe


def brain(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CSF, grey and white matter as three bells; which voxel is white is known."""
    rng = np.random.default_rng(seed)
    means = np.repeat([35.0, 95.0, 125.0], [2000, 9000, 7000])
    values = rng.normal(means, 6.0)
    shape = (18, 20, 50)
    return values.reshape(shape), (means == 125.0).reshape(shape), np.ones(shape, bool)


def test_the_stripe_lies_round_the_mode_of_white_matter() -> None:
    t1w, white, inside = brain()
    stripe = white_stripe(t1w, inside)
    assert white[stripe].mean() > 0.98
    assert t1w[stripe].mean() == pytest.approx(125, abs=2)
    bright = t1w[t1w > t1w.mean()]
    share = np.mean((bright >= t1w[stripe].min()) & (bright <= t1w[stripe].max()))
    assert share == pytest.approx(2 * WIDTH, abs=0.01)


def test_gain_and_offset_do_not_move_it() -> None:
    t1w, _, inside = brain(1)
    np.testing.assert_array_equal(white_stripe(t1w, inside), white_stripe(3.0 * t1w + 20.0, inside))


def test_outside_the_brain_there_is_none() -> None:
    t1w, _, inside = brain(2)
    inside[:5] = False
    assert not white_stripe(t1w, inside)[:5].any()
