"""SyN by antspyx, where it is installed."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.registration import ants_syn
from rt1t2_dask.images.transform import compose, rotation, translation
from rt1t2_dask.images.volume import Grid, Volume

pytest.importorskip("ants", reason="antspyx is not installed (rt1t2-dask[ants])")

SCHEDULE = ants_syn.Schedule((40, 30))
CENTRE = np.array([23.0, 23, 23])


def blob(centre):
    grid = Grid((24, 24, 24), np.diag([2.0, 2, 2, 1]))
    away = np.linalg.norm(grid.world() - centre, axis=-1)
    rings = np.exp(-((away / 14) ** 2)) * (2 + np.cos(away / 3))
    return Volume(rings.astype(np.float32), grid.affine)


def test_the_displacement_points_the_way_a_warp_means():
    """The moving blob lies 3, -2 and 1 mm further along x, y and z."""
    shift = np.array([3.0, -2.0, 1.0])
    warp = ants_syn.deform(blob(CENTRE), blob(CENTRE + shift), np.eye(4), SCHEDULE)
    points = np.stack([CENTRE, CENTRE + np.array([3, -3, 0])])
    np.testing.assert_allclose(warp.points(points) - points, [shift, shift], atol=0.5)


def test_the_affine_is_kept_and_the_field_starts_from_it():
    affine = compose(rotation((3, -2, 10)), translation((4, -3, 2)))
    moved = blob(affine[:3, :3] @ CENTRE + affine[:3, 3])
    warp = ants_syn.deform(blob(CENTRE), moved, affine, SCHEDULE)
    np.testing.assert_array_equal(warp.affine, affine)
    assert np.abs(warp.displacement[8:16, 8:16, 8:16]).max() < 0.7


def test_two_at_once_give_the_bits_of_one_alone_and_look_only_where_they_may():
    shift = np.array([3.0, -2.0, 1.0])
    fixed, moving = blob(CENTRE), blob(CENTRE + shift)
    hurt = moving.with_data(moving.data.copy())
    hurt.data[8:12, 8:12, 8:12] = 0
    usable = np.ones(hurt.data.shape, bool)
    usable[5:15, 5:15, 5:15] = False

    def field(where):
        return ants_syn.deform(fixed, hurt, np.eye(4), SCHEDULE, usable=where).displacement

    alone = field(usable)
    with ThreadPoolExecutor(2) as pool:
        together, free = pool.map(field, (usable, None))
    assert alone.tobytes() == together.tobytes()
    assert np.abs(alone - free).max() > 0.05


def test_a_search_that_takes_too_long_is_the_subjects_error():
    with pytest.raises(SubjectError, match=r"longer than 0 s .normalise.timeout_s"):
        ants_syn.deform(blob(CENTRE), blob(CENTRE), np.eye(4), SCHEDULE, timeout_s=0.01)
