import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scanners import at_2mm, coarser
from scipy.ndimage import distance_transform_edt

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.classes import CLASS_NAMES, MIN_VOXELS, eroded, external_classes
from rt1t2_dask.ratio.landmarks import measure
from rt1t2_dask.simulate.head import HeadModel


@pytest.fixture(scope="module")
def scans(head: HeadModel) -> tuple[Volume, Volume, np.ndarray]:
    t1w, t2w = at_2mm(head, head.t1w), at_2mm(head, head.t2w)
    return t1w, t2w, at_2mm(head, head.brain).data > 0.5


def test_classes_are_what_they_say(
    head: HeadModel, scans: tuple[Volume, Volume, np.ndarray]
) -> None:
    found = external_classes(*scans)
    for name in CLASS_NAMES:
        share = at_2mm(head, getattr(head, name)).data[found[name]]
        assert found[name].sum() > 500
        assert share.mean() > 0.85, name
    assert sum(found[name].astype(int) for name in CLASS_NAMES).max() == 1


@pytest.mark.heavy
@pytest.mark.parametrize(("gain", "gamma", "offset"), [(3.0, 1.0, 0.0), (1.0, 0.85, 20.0)])
def test_scanner_settings_hardly_move_them(
    scans: tuple[Volume, Volume, np.ndarray], gain: float, gamma: float, offset: float
) -> None:
    t1w, t2w, brain = scans
    other = [v.with_data(gain * 200 * (v.data / 200) ** gamma + offset) for v in (t1w, t2w)]
    before, after = external_classes(t1w, t2w, brain), external_classes(*other, brain)
    for name in CLASS_NAMES:
        both = (before[name] & after[name]).sum()
        assert 2 * both / (before[name].sum() + after[name].sum()) > 0.9, name


def test_excluded_voxels_stay_out(scans: tuple[Volume, Volume, np.ndarray]) -> None:
    half = np.zeros(scans[2].shape, bool)
    half[: half.shape[0] // 2] = True
    found = external_classes(*scans, exclude=half)
    assert all(found[name].any() for name in CLASS_NAMES)
    assert not any(mask[half].any() for mask in found.values())


@pytest.mark.heavy
def test_a_prior_narrows_bone_and_soft_tissue(
    head: HeadModel, scans: tuple[Volume, Volume, np.ndarray]
) -> None:
    prior = {name: at_2mm(head, getattr(head, name)).data for name in ("bone", "soft")}
    prior["bone"][:45] = 0.0
    free, narrowed = external_classes(*scans), external_classes(*scans, prior=prior)
    np.testing.assert_array_equal(narrowed["csf"], free["csf"])
    for name in ("bone", "soft"):
        assert 500 < narrowed[name].sum() <= free[name].sum()
        assert prior[name][narrowed[name]].min() >= 0.5
    assert not narrowed["bone"][:45].any()


def test_erosion_takes_one_voxel_and_spares_thick_slices() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[2:7, 2:7, 2:7] = True
    assert eroded(mask, np.ones(3)).sum() == 27
    thick = eroded(mask, np.array([1.0, 1.0, 5.0]))
    assert thick.sum() == 3 * 3 * 5


@given(
    seed=st.integers(0, 2**16),
    share=st.floats(0.5, 0.99),
    voxel_mm=st.tuples(*3 * [st.sampled_from([0.7, 0.8, 1.0, 1.2, 2.0])]),
)
@settings(max_examples=50, deadline=None)
def test_erosion_takes_what_lies_within_the_finest_step_of_the_outside(
    seed: int, share: float, voxel_mm: tuple[float, float, float]
) -> None:
    mask = np.random.default_rng(seed).random((9, 10, 11)) < share
    mask[4, 5, 5] = False
    away = distance_transform_edt(mask, sampling=voxel_mm)
    found = eroded(mask, np.array(voxel_mm))
    np.testing.assert_array_equal(found, away > 1.001 * min(voxel_mm))


def test_erosion_of_coarse_voxels_keeps_the_innermost_of_a_thin_class() -> None:
    mask = np.zeros((30, 30, 9), bool)
    mask[2:22, 2:22, 2:7] = True
    coarse = np.full(3, 4.0)
    np.testing.assert_array_equal(eroded(mask, coarse), eroded(mask, np.ones(3)))
    mask[..., 4:7] = False
    assert not eroded(mask, np.ones(3)).any()
    kept = np.argwhere(eroded(mask, coarse))
    assert len(kept) >= MIN_VOXELS
    assert kept[:, :2].min() == 3
    assert kept[:, :2].max() == 20


@pytest.mark.parametrize("voxel_mm", [3, 4])
def test_a_coarse_grid_leaves_fluid_fluid(head: HeadModel, voxel_mm: int) -> None:
    """Sulci are all partial volume there: CSF as bright as soft tissue in T1w refused people."""
    t1w, t2w, brain = (coarser(head, image, voxel_mm) for image in (head.t1w, head.t2w, head.brain))
    levels = measure(t1w, t2w, brain.data > 0.5, external_classes(t1w, t2w, brain.data > 0.5))
    fluid, soft = (levels.level("t1w", name) for name in ("csf", "soft"))
    assert fluid < 0.6 * soft
    assert fluid < 1.5 * levels.level("t1w", "eye")
    assert levels.level("t2w", "csf") > 2 * levels.level("t2w", "soft")


@pytest.mark.heavy
def test_fat_moves_soft_tissue_far_less_than_itself(
    head: HeadModel, scans: tuple[Volume, Volume, np.ndarray]
) -> None:
    """The outer scalp three times as bright: soft tissue by less than a fifth."""
    t1w, t2w, brain = scans
    fat = (at_2mm(head, head.soft).data > 0.5) & (distance_transform_edt(t1w.data > 20) < 3)
    bright = t1w.with_data(np.where(fat, 3 * t1w.data, t1w.data))
    before, after = (
        measure(one, t2w, brain, external_classes(one, t2w, brain)) for one in (t1w, bright)
    )
    assert after.level("t1w", "soft") == pytest.approx(before.level("t1w", "soft"), rel=0.2)


@pytest.mark.heavy
def test_a_head_that_lies_askew_needs_its_pose(scans: tuple[Volume, Volume, np.ndarray]) -> None:
    t1w, t2w, brain = scans
    turn = np.eye(4)
    turn[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]  # on its back
    askew = [Volume(v.data, turn @ v.affine) for v in (t1w, t2w)]
    upright, told = external_classes(t1w, t2w, brain), external_classes(*askew, brain, pose=turn)
    for name in CLASS_NAMES:
        np.testing.assert_array_equal(told[name], upright[name])
    assert (external_classes(*askew, brain)["bone"] != upright["bone"]).any()
