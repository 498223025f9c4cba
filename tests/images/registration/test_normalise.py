import numpy as np
import pytest
from known_head import KnownHead, template
from scipy.spatial.distance import cdist

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain import lesion
from rt1t2_dask.images.registration import greedy
from rt1t2_dask.images.registration.normalise import to_template
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp, move
from rt1t2_dask.images.volume import Grid, Volume

LESION_CENTRE = np.array([-28.0, -18.0, 24.0])


def registered(head: KnownHead, exclude: Volume | None) -> Warp:
    return to_template(head.t1w, head.brain, template(2.0)["t1_brain"], exclude)


@pytest.fixture(scope="module")
def masked(stroke_head: KnownHead) -> Warp:
    return registered(stroke_head, stroke_head.lesion)


def template_points():
    brain = template(2.0)["brain"]
    return move(brain.affine, np.argwhere(brain.data)[::7])


def errors(head: KnownHead, warp: Warp):
    points = template_points()
    return head.template_error_mm(points, warp.points(points))


@pytest.mark.slow
def test_a_known_deformation_is_found_within_a_millimetre(stroke_head, masked):
    affine_alone = errors(stroke_head, Warp(masked.affine)).mean()
    assert affine_alone > 2.0
    assert errors(stroke_head, masked).mean() < 1.0


@pytest.mark.heavy
def test_masking_the_lesion_halves_the_error_at_its_rim(stroke_head, masked):
    away = np.linalg.norm(template_points() - LESION_CENTRE, axis=1)
    rim = (away > 14) & (away < 22)
    with_mask, without = (
        errors(stroke_head, warp)[rim].mean() for warp in (masked, registered(stroke_head, None))
    )
    assert with_mask < 0.65 * without
    assert with_mask < 1.25


@pytest.mark.slow
def test_the_field_is_a_diffeomorphism(masked):
    slopes = np.stack([np.gradient(masked.displacement, 2.0, axis=k) for k in range(3)], axis=-1)
    assert np.linalg.det(np.eye(3) + slopes).min() > 0.05


@pytest.mark.heavy
def test_the_field_repeats_to_the_bit(stroke_head, masked):
    again = registered(stroke_head, stroke_head.lesion)
    assert masked.displacement.tobytes() == again.displacement.tobytes()
    assert masked.affine.tobytes() == again.affine.tobytes()


@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.parametrize("voxel_mm", [3.0, 4.0])
def test_coarser_fields_still_beat_the_affine(stroke_head, voxel_mm):
    brain_t1 = template(2.0)["t1_brain"]
    warp = to_template(stroke_head.t1w, stroke_head.brain, brain_t1, stroke_head.lesion, voxel_mm)
    np.testing.assert_allclose(warp.grid.voxel_mm, voxel_mm)
    assert errors(stroke_head, warp).mean() < 0.7 * errors(stroke_head, Warp(warp.affine)).mean()


def test_an_empty_brain_mask_is_refused(stroke_head):
    empty = stroke_head.brain.with_data(np.zeros_like(stroke_head.brain.data))
    with pytest.raises(SubjectError, match="empty"):
        to_template(stroke_head.t1w, empty, template(2.0)["t1_brain"], None)


def blob(centre):
    grid = Grid((24, 24, 24), np.diag([2.0, 2, 2, 1]))
    away = np.linalg.norm(grid.world() - centre, axis=-1)
    rings = np.exp(-((away / 14) ** 2)) * (2 + np.cos(away / 3))
    return Volume(rings.astype(np.float32), grid.affine)


def test_greedys_displacement_points_the_way_a_warp_means():
    """The moving blob lies 3, -2 and 1 mm further along x, y and z."""
    shift = np.array([3.0, -2.0, 1.0])
    fixed, moving = blob(np.array([23.0, 23, 23])), blob(np.array([23.0, 23, 23]) + shift)
    warp = greedy.deform(fixed, moving, np.eye(4), greedy.Schedule((40, 30)))
    centre = np.array([[23.0, 23, 23], [26.0, 20, 23]])
    np.testing.assert_allclose(warp.points(centre) - centre, [shift, shift], atol=0.5)


def test_a_registration_that_takes_too_long_is_the_subjects_error():
    image = blob(np.array([23.0, 23, 23]))
    with pytest.raises(SubjectError, match=r"longer than 0 s"):
        greedy.deform(image, image, np.eye(4), greedy.Schedule((5,)), timeout_s=0.01)


def test_what_greedy_says_when_it_fails_is_passed_on():
    image = blob(np.array([23.0, 23, 23]))
    with pytest.raises(SubjectError, match=r"failed: .+"):
        greedy.deform(image, image, np.eye(4), greedy.Schedule(("no number",)))


def test_dilation_is_a_distance_in_mm_on_any_voxels():
    data = np.zeros((12, 12, 12), bool)
    data[5, 6, 6] = data[7, 6, 5] = True
    mask = Volume(data, np.diag([1.0, 2.0, 3.0, 1.0]))
    grown = lesion.dilate(mask, 4.2).data
    world = mask.grid.world().reshape(-1, 3)
    nearest = cdist(world, world[data.ravel()]).min(axis=1).reshape(data.shape)
    np.testing.assert_array_equal(grown, nearest <= 4.2)


def test_an_empty_lesion_stays_empty():
    empty = Volume(np.zeros((9, 9, 9), bool), np.eye(4))
    assert not lesion.dilate(empty, 10.0).data.any()


@pytest.mark.slow
def test_a_lesion_is_carried_to_the_template(stroke_head, masked):
    grid = template(2.0)["brain"].grid
    carried = lesion.on_grid(stroke_head.lesion, grid, warp=masked)
    assert carried.dtype == np.bool_
    centre = grid.world()[carried].mean(axis=0)
    np.testing.assert_allclose(centre, LESION_CENTRE, atol=1.5)


def test_a_thin_lesion_survives_a_coarser_grid():
    data = np.zeros((40, 40, 40), bool)
    data[21, 10:30, 21] = True
    coarse = Grid((10, 10, 10), np.diag([4.0, 4.0, 4.0, 1.0]))
    thin = Volume(data, np.eye(4))
    assert not to_grid(thin, coarse, order=0).data.any()
    assert lesion.on_grid(thin, coarse).any()
