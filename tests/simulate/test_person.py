import numpy as np
import pytest
from scipy.ndimage import binary_dilation, map_coordinates

from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.simulate.effects import Effect, change_at, move_inside, planted_change, to_index
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.person import SimulatedPerson, simulate_person
from rt1t2_dask.simulate.pose import MIN_JACOBIAN, draw_offset, draw_warp, smallest_jacobian

AFFINE_4 = np.diag([4.0, 4.0, 4.0, 1.0])
AFFINE_4[:3, 3] = (-106, -142, -108)
EFFECT = Effect("thalamus", (-10.0, -20.0, 14.0), 12.0, -0.15)


def template_on(head: HeadModel, image: np.ndarray, person: SimulatedPerson) -> np.ndarray:
    index = to_index(person.truth.template_mm.astype(np.float64), head.grid.affine)
    return map_coordinates(image.astype(np.float32), np.moveaxis(index, -1, 0), order=1)


def t2w_on_t1w(person: SimulatedPerson, t1w_to_t2w: np.ndarray) -> np.ndarray:
    world = person.t1w.grid.world() @ t1w_to_t2w[:3, :3].T + t1w_to_t2w[:3, 3]
    index = np.moveaxis(to_index(world, person.t2w.affine), -1, 0)
    return map_coordinates(person.t2w.data.astype(np.float32), index, order=1)


@pytest.fixture(scope="module")
def person(head: HeadModel) -> SimulatedPerson:
    return simulate_person(head, seed=11, voxel_mm=4, effects=[EFFECT], n_lesions=2)


def test_same_seed_same_bytes_and_another_seed_another_person(
    head: HeadModel, person: SimulatedPerson
) -> None:
    again = simulate_person(head, seed=11, voxel_mm=4, effects=[EFFECT], n_lesions=2)
    other = simulate_person(head, seed=12, voxel_mm=4, effects=[EFFECT], n_lesions=2)
    assert person.t1w.data.tobytes() == again.t1w.data.tobytes()
    assert person.t2w.data.tobytes() == again.t2w.data.tobytes()
    assert person.t1w.data.tobytes() != other.t1w.data.tobytes()


def test_truth_carries_the_template_onto_the_scan(head: HeadModel, person: SimulatedPerson) -> None:
    """The template's T1w read through the true map looks like the scan; unmoved it does not."""
    brain = template_on(head, head.brain, person) > 0.5
    scan = person.t1w.data[brain]
    through_truth = np.corrcoef(scan, template_on(head, head.t1w, person)[brain])[0, 1]
    index = np.moveaxis(to_index(person.t1w.grid.world(), head.grid.affine), -1, 0)
    unmoved = map_coordinates(head.t1w, index, order=1)[brain]
    assert through_truth > 0.9
    assert np.corrcoef(scan, unmoved)[0, 1] < through_truth - 0.2


def test_points_and_grid_tell_the_same_truth(person: SimulatedPerson) -> None:
    points = person.t1w.grid.world().reshape(-1, 3)[::997].astype(np.float64)
    expected = person.truth.template_mm.reshape(-1, 3)[::997]
    np.testing.assert_allclose(person.truth.subject_to_template(points), expected, atol=1e-3)


def test_rigid_offset_is_the_one_told(head: HeadModel, person: SimulatedPerson) -> None:
    brain = template_on(head, head.brain, person) > 0.5
    expected = template_on(head, head.t2w, person)[brain]
    aligned = t2w_on_t1w(person, np.linalg.inv(person.truth.t2w_to_t1w))[brain]
    ignored = t2w_on_t1w(person, np.eye(4))[brain]
    assert np.corrcoef(aligned, expected)[0, 1] > 0.8
    assert np.corrcoef(ignored, expected)[0, 1] < np.corrcoef(aligned, expected)[0, 1] - 0.1


def test_offsets_are_rigid_and_within_5_mm_and_5_degrees() -> None:
    for seed in range(50):
        offset = draw_offset(np.random.default_rng(seed))
        np.testing.assert_allclose(offset[:3, :3] @ offset[:3, :3].T, np.eye(3), atol=1e-12)
        turn = np.degrees(np.arccos((np.trace(offset[:3, :3]) - 1) / 2))
        centre = np.array([0.0, -18.0, 0.0, 1.0])
        assert turn < 5.5 and np.linalg.norm((offset @ centre - centre)[:3]) <= 5.0


def test_no_warp_folds() -> None:
    grid = Grid((54, 64, 57), AFFINE_4)
    smallest = [
        smallest_jacobian(draw_warp(np.random.default_rng(seed), grid), grid) for seed in range(8)
    ]
    assert min(smallest) > MIN_JACOBIAN
    assert len({round(value, 6) for value in smallest}) == 8


def test_atrophy_enlarges_ventricles_and_leaves_tissue_as_it_is(head: HeadModel) -> None:
    plain, less = (simulate_person(head, seed=3, voxel_mm=4, atrophy_mm=mm) for mm in (0.0, 1.0))
    before, after = (template_on(head, head.csf, own).sum() for own in (plain, less))
    assert 1.02 < after / before < 1.3  # of all fluid, of which ventricles are a small part
    changes = plain.truth.ratio_change.data, less.truth.ratio_change.data
    assert np.median(np.abs(changes[0] - changes[1])) < 1e-3


def test_no_warp_folds_with_atrophy(head: HeadModel) -> None:
    for seed in range(3):
        warp = simulate_person(head, seed=seed, voxel_mm=4, atrophy_mm=1.0).truth.warp
        assert smallest_jacobian(warp, Grid((54, 64, 57), AFFINE_4)) > MIN_JACOBIAN


@pytest.mark.heavy
def test_planted_change_is_what_the_scans_hold(head: HeadModel) -> None:
    """Same seed with and without: only the ratio differs, by the planted fraction."""
    with_effect = simulate_person(head, seed=5, voxel_mm=2, effects=[EFFECT])
    without = simulate_person(head, seed=5, voxel_mm=2)
    core = np.linalg.norm(with_effect.truth.template_mm - EFFECT.centre_mm, axis=-1) < 7
    core &= template_on(head, np.where(head.brain, head.tissue, 0), with_effect) > 0.95
    assert core.sum() > 80
    rigid = np.linalg.inv(with_effect.truth.t2w_to_t1w)
    ratios = [
        p.t1w.data[core].sum() / t2w_on_t1w(p, rigid)[core].sum() for p in (with_effect, without)
    ]
    assert ratios[0] / ratios[1] - 1 == pytest.approx(EFFECT.change, abs=0.01)
    far = np.linalg.norm(with_effect.truth.template_mm - EFFECT.centre_mm, axis=-1) > 30
    np.testing.assert_array_equal(with_effect.t1w.data[far], without.t1w.data[far])


def test_lesions_are_dark_in_t1w_bright_in_t2w_and_clear_of_effects(
    head: HeadModel, person: SimulatedPerson
) -> None:
    lesion = person.lesion
    assert lesion is not None and lesion.data.sum() > 3
    white = template_on(head, np.where(head.brain, head.white, 0), person) > 0.9
    white &= ~binary_dilation(lesion.data, iterations=2)
    t2w = t2w_on_t1w(person, np.linalg.inv(person.truth.t2w_to_t1w))
    assert np.median(person.t1w.data[lesion.data]) < 0.8 * np.median(person.t1w.data[white])
    assert np.median(t2w[lesion.data]) > 1.2 * np.median(t2w[white])
    distance = np.linalg.norm(person.truth.template_mm - EFFECT.centre_mm, axis=-1)
    assert distance[lesion.data].min() > EFFECT.radius_mm


def test_a_lesion_changes_nothing_elsewhere(head: HeadModel) -> None:
    ill = simulate_person(head, seed=8, voxel_mm=4, n_lesions=1)
    well = simulate_person(head, seed=8, voxel_mm=4)
    assert well.lesion is None and ill.lesion is not None
    away = ~binary_dilation(ill.lesion.data, iterations=3)
    np.testing.assert_array_equal(ill.t1w.data[away], well.t1w.data[away])


def test_planted_map_is_the_change_in_tissue_and_nothing_in_fluid_or_outside(
    head: HeadModel,
) -> None:
    coarse = Grid((107, 128, 113), head.grid.affine @ np.diag([2.0, 2.0, 2.0, 1.0]))
    planted = planted_change(head, [EFFECT], coarse)
    assert planted.min() == pytest.approx(EFFECT.change, abs=0.005)
    assert np.abs(planted[~head.brain[::2, ::2, ::2]]).max() < 1e-12
    fluid = (head.brain & (head.csf > 0.99))[::2, ::2, ::2]
    assert np.abs(planted[fluid]).max() < 0.01 * abs(EFFECT.change) + 1e-3


def test_overlapping_effects_do_not_add_up() -> None:
    points = np.array([EFFECT.centre_mm])
    assert change_at(points, [EFFECT, EFFECT])[0] == pytest.approx(-0.15, abs=1e-4)


def test_centres_move_inside_by_the_nearest_way() -> None:
    brain = np.zeros((60, 60, 60), bool)
    brain[10:50, 10:50, 10:50] = True
    grid = Grid(brain.shape, np.eye(4))
    zero = np.zeros(brain.shape, np.float16)
    cube = HeadModel(
        grid, zero.astype(np.float32), zero.astype(np.float32), brain, zero, zero, zero, zero, zero
    )
    outside = Effect("edge", (52.0, 30.0, 30.0), 5.0, -0.1)
    deep = Effect("deep", (30.0, 30.0, 30.0), 5.0, -0.1)
    moved, kept = move_inside([outside, deep], cube, depth_mm=6.0)
    assert moved.centre_mm == (44.0, 30.0, 30.0)  # 6 mm to the first voxel outside, at 50
    assert kept is deep
    with pytest.raises(ValueError, match="no voxel"):
        move_inside([deep], cube, depth_mm=25.0)


def test_voxel_size_out_of_range_is_refused(head: HeadModel) -> None:
    with pytest.raises(ValueError, match="voxel_mm"):
        simulate_person(head, seed=1, voxel_mm=0.5)


def test_scans_are_positive_integers(person: SimulatedPerson) -> None:
    for scan in (person.t1w, person.t2w):
        assert isinstance(scan, Volume)
        assert scan.data.dtype == np.int16 and scan.data.min() >= 0
