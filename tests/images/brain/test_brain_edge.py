import numpy as np
import pytest

from rt1t2_dask.images.brain.edge import one_piece, trim
from rt1t2_dask.images.volume import Volume

FLUID, GREY, WHITE = 30.0, 75.0, 105.0
SHAPE = (60, 60, 60)


def ball(radius_mm: float, centre=(30, 30, 30)):
    away = np.stack(np.indices(SHAPE), axis=-1) - np.array(centre)
    return np.linalg.norm(away, axis=-1) <= radius_mm


def phantom():
    """A white ball in a grey shell in fluid, with noise; the mask holds the fluid too."""
    image = np.full(SHAPE, FLUID, dtype=np.float32)
    image[ball(20)] = GREY
    image[ball(15)] = WHITE
    image[ball(4)] = FLUID  # a ventricle
    noise = np.random.default_rng(0).normal(0, 3, SHAPE).astype(np.float32)
    return Volume(image + noise, np.eye(4)), ball(23)


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_fluid_outside_goes_and_the_ventricle_stays():
    t1w, mask = phantom()
    found = trim(mask, t1w)
    assert dice(found, ball(20)) > 0.99
    assert found[30, 30, 30]


def test_a_bridge_of_two_millimetres_is_cut():
    t1w, mask = phantom()
    t1w.data[29:31, 29:31, 48:53] = GREY  # from the brain to the mask's edge
    assert dice(trim(mask, t1w), ball(20)) > 0.99


def test_a_dark_lesion_at_the_surface_stays_when_it_is_known():
    t1w, mask = phantom()
    lesion = ball(9, (30, 30, 46)) & ball(20)
    t1w.data[lesion] = FLUID
    assert not trim(mask, t1w)[lesion].all()
    assert trim(mask, t1w, lesion)[lesion].all()


@pytest.mark.parametrize("image", [np.ones(SHAPE), np.where(ball(26), 50.0, 0.0) + ball(5) * 60])
def test_without_contrast_the_mask_is_left_as_it_is(image):
    mask = ball(26)
    np.testing.assert_array_equal(trim(mask, Volume(image.astype(np.float32), np.eye(4))), mask)


def test_gain_and_gamma_hardly_move_the_edge():
    t1w, mask = phantom()
    other = t1w.with_data(7 * np.clip(t1w.data, 0, None) ** 1.3)
    assert dice(trim(mask, t1w), trim(mask, other)) > 0.995


def test_thick_slices_and_a_cut_brain():
    t1w, mask = phantom()
    thick = Volume(t1w.data[:, :, 10:50:4], np.diag([1, 1, 4, 1.0]))
    found = trim(mask[:, :, 10:50:4], thick)
    assert dice(found, ball(20)[:, :, 10:50:4]) > 0.96
    cut = trim(mask[:, :, 30:], Volume(t1w.data[:, :, 30:], np.eye(4)))
    assert dice(cut, ball(20)[:, :, 30:]) > 0.98


def test_one_piece_keeps_the_largest_and_nothing_of_nothing():
    two = ball(8, (15, 30, 30)) | ball(5, (45, 30, 30))
    np.testing.assert_array_equal(one_piece(two), ball(8, (15, 30, 30)))
    assert not one_piece(np.zeros(SHAPE, dtype=bool)).any()
