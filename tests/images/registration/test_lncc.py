"""Registration by local cross-correlation: its gradient, known fields, and greedy beside it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from rt1t2_dask.images.registration import lncc
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp, rotation, translation
from rt1t2_dask.images.volume import Grid, Volume

GRID = Grid(
    (36, 40, 32), np.array([[2.0, 0, 0, -30], [0, 2, 0, -42], [0, 0, 2, -20], [0, 0, 0, 1]])
)
SCHEDULE = lncc.Schedule((40, 40, 30))


def texture(seed: int = 0) -> Volume:
    """Return an ellipsoid of smooth texture, 0 outside."""
    rng = np.random.default_rng(seed)
    middle = GRID.world() - GRID.world().reshape(-1, 3).mean(axis=0)
    inside = ((middle / (26, 30, 22)) ** 2).sum(axis=-1) < 1
    values = ndimage.gaussian_filter(rng.normal(size=GRID.shape), 2.0)
    return Volume(np.where(inside, 100 + 400 * values, 0).astype(np.float32), GRID.affine)


def smooth_field(mm: float, seed: int = 1) -> Warp:
    rng = np.random.default_rng(seed)
    parts = [ndimage.gaussian_filter(rng.normal(size=GRID.shape), 6.0) for _ in range(3)]
    field = np.stack(parts, axis=-1)
    scaled = (field * mm / np.linalg.norm(field, axis=-1).max()).astype(np.float32)
    return Warp(np.eye(4), scaled, GRID)


def error_mm(found: Warp, known: Warp) -> float:
    """Return the mean distance, in the ellipsoid, of going there and back by the truth."""
    points = GRID.world()[texture().data > 0][::11]
    return float(np.linalg.norm(known.points(found.points(points)) - points, axis=1).mean())


def pair(usable: np.ndarray | None = None) -> lncc._Pair:
    fixed, moving = texture(), to_grid(texture(), GRID, warp=smooth_field(3.0), order=1)
    return lncc._Pair.of(fixed, moving, Warp(rotation((1, 2, 1))), lncc.Schedule((1,)), usable)


@pytest.mark.parametrize("masked", [False, True])
def test_the_gradient_is_that_of_the_mean_correlation(masked):
    usable = np.random.default_rng(2).random(GRID.shape) > 0.02 if masked else None
    own = pair(usable)
    rng = np.random.default_rng(3)
    own.moved_by[:] = 0.3 * np.stack(
        [ndimage.gaussian_filter(rng.normal(size=GRID.shape), 3.0) for _ in range(3)]
    )
    own.gradient()
    force, at = own.force.copy(), np.argwhere(own.fixed > 0)[:: 977 if not masked else 1409]
    step, steps, slopes = 0.02, [], []
    for axis, where in ((axis, tuple(where)) for axis in range(3) for where in at):
        values = []
        for sign in (1, -1):
            own.moved_by[(axis, *where)] += sign * step
            values.append(own.gradient())
            own.moved_by[(axis, *where)] -= sign * step
        steps.append((values[0] - values[1]) / (2 * step))
        slopes.append(force[(axis, *where)])
    assert np.corrcoef(steps, slopes)[0, 1] > 0.99


def test_a_known_field_is_found():
    known = smooth_field(6.0)
    moving = to_grid(texture(), GRID, warp=known, order=1)
    found = lncc.deform(texture(), moving, np.eye(4), SCHEDULE)
    assert error_mm(Warp(np.eye(4)), known) > 1.0
    assert error_mm(found, known) < 0.6


def test_it_is_as_near_the_truth_as_greedy():
    greedy = pytest.importorskip("rt1t2_dask.images.registration.greedy")
    pytest.importorskip("picsl_greedy")
    known = smooth_field(6.0)
    moving = to_grid(texture(), GRID, warp=known, order=1)
    own = error_mm(lncc.deform(texture(), moving, np.eye(4), SCHEDULE), known)
    schedule = greedy.Schedule(SCHEDULE.iterations)
    other = error_mm(greedy.deform(texture(), moving, np.eye(4), schedule), known)
    assert own < 1.1 * other


def test_gain_and_repetition_change_no_bit():
    moving = to_grid(texture(), GRID, warp=smooth_field(4.0), order=1)
    short = lncc.Schedule((5, 4))
    first, again, louder = (
        lncc.deform(texture(), moving.with_data(moving.data * scale), np.eye(4), short).displacement
        for scale in (1.0, 1.0, 8.0)
    )
    assert first.tobytes() == again.tobytes() == louder.tobytes()


def test_what_is_not_usable_pulls_nothing():
    """A bright ball in the moving image alone draws the field, unless it is left out."""
    fixed, moving = texture(), texture()
    ball = np.linalg.norm(GRID.world() - GRID.world()[18, 20, 16], axis=-1) < 7
    hurt = moving.with_data(np.where(ball, 900, moving.data).astype(np.float32))
    schedule = lncc.Schedule((20, 20))
    drawn = lncc.deform(fixed, hurt, np.eye(4), schedule).displacement
    left_out = lncc.deform(fixed, hurt, np.eye(4), schedule, usable=~ball).displacement
    near = ball & (fixed.data > 0)
    assert np.abs(left_out[near]).mean() < 0.1 * np.abs(drawn[near]).mean()


def test_a_slab_shorter_than_the_head_is_aligned_where_it_is():
    known = smooth_field(4.0)
    moving = to_grid(texture(), GRID, warp=known, order=1)
    slab = Volume(moving.data[:, :, 8:24], moving.affine @ translation((0.0, 0.0, 8.0)))
    found = lncc.deform(texture(), slab, np.eye(4), SCHEDULE)
    points = GRID.world()[:, :, 11:21][texture().data[:, :, 11:21] > 0][::11]
    away = np.linalg.norm(known.points(found.points(points)) - points, axis=1).mean()
    assert away < 0.6 * np.linalg.norm(known.points(points) - points, axis=1).mean()
    assert np.isfinite(found.displacement).all()


def test_a_single_slice_gives_no_field():
    one = Volume(texture().data[:, :, 16:17], GRID.affine @ translation((0.0, 0.0, 16.0)))
    found = lncc.deform(texture(), one, np.eye(4), lncc.Schedule((5, 5)))
    assert found.displacement is not None and not found.displacement.any()


def test_blank_images_give_no_field():
    blank = texture().with_data(np.zeros(GRID.shape, np.float32))
    for fixed, moving in ((texture(), blank), (blank, texture()), (blank, blank)):
        found = lncc.deform(fixed, moving, np.eye(4), replace(SCHEDULE, iterations=(3, 3)))
        assert found.displacement is not None and not found.displacement.any()
