"""A first look at scans: contrast, field of view, voxels, masks, left and right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.quality.qc import check_contrasts, check_not_the_same, inspect, mask_on
from rt1t2_dask.images.registration.mirror import Mirrored, check_not_mirrored, compare_mirrored
from rt1t2_dask.images.transform import about, compose, rotation, translation
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.simulate.cohort import GroupSpec, simulate_participant

MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def scans() -> tuple[Volume, Volume]:
    """SIMULATED T1w and T2w of one person, 3 mm."""
    from rt1t2_dask.pipelines.people.simulated import template_head

    spec = GroupSpec("X", 1, 60, 5, 0)
    person = simulate_participant(
        template_head(), "sub-X01", spec, seed=3, voxel_mm=3.0, effects=()
    )
    return person.t1w, person.t2w


def test_a_whole_head_gives_no_warning(scans):
    t1w, t2w = inspect(scans[0], "T1w"), inspect(scans[1], "T2w")
    assert t1w.warnings == t2w.warnings == ()
    # Ends of what real people and templates show (`check_contrasts`).
    assert -0.46 < t1w.csf_asymmetry < -0.12 and 0.48 < t2w.csf_asymmetry < 0.70
    check_contrasts(t1w, t2w)


def test_swapped_contrasts_are_refused(scans):
    t1w, t2w = inspect(scans[0], "T1w"), inspect(scans[1], "T2w")
    with pytest.raises(SubjectError, match=r"swapped.*checks\.contrast"):
        check_contrasts(t2w, t1w)
    with pytest.raises(SubjectError, match="T2w has dark CSF"):
        check_contrasts(t1w, t1w)
    with pytest.raises(SubjectError, match="T1w has bright CSF"):
        check_contrasts(t2w, t2w)


@pytest.mark.heavy
@settings(max_examples=10)
@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(-200, 200)] * 3),
    st.floats(0.01, 1000),
)
def test_contrast_knows_no_pose_and_no_gain(scans, angles, shift, gain):
    moved = compose(rotation(angles), translation(shift))
    for image in scans:
        turned = Volume(image.data * np.float32(gain), moved @ image.affine)
        assert abs(inspect(turned, "x").csf_asymmetry - inspect(image, "x").csf_asymmetry) < 0.2


@pytest.mark.assets
def test_real_scans_are_told_apart(shared):
    folder = shared / "scans" / "open_ms"
    if not folder.is_dir():
        pytest.skip("the open_ms scans are not beside the assets")
    for person in ("patient01", "patient04"):
        looks = {
            name: inspect(
                from_bytes((folder / person / f"study1_{name}.nii.gz").read_bytes(), name), name
            )
            for name in ("T1W", "T2W", "FLAIR")
        }
        check_contrasts(looks["T1W"], looks["T2W"])
        cut = [name for name, look in looks.items() if any("cropped" in w for w in look.warnings)]
        # The T1w of patient01 ends 10 mm below the crown: 117 mm from top to bottom.
        assert cut == (["T1W"] if person == "patient01" else [])
        with pytest.raises(SubjectError, match="swapped"):
            check_contrasts(looks["T2W"], looks["T1W"])
        with pytest.raises(SubjectError, match="FLAIR"):
            check_contrasts(looks["T1W"], looks["FLAIR"])


def test_a_slab_is_warned_of_with_its_size(scans):
    image = scans[1]
    k = image.data.shape[2] // 2
    slab = Volume(image.data[:, :, k - 8 : k + 8], image.affine @ translation((0, 0, k - 8)))
    warnings = inspect(slab, "T2w").warnings
    assert any("48 mm top-bottom, 38% of a brain" in w for w in warnings)
    assert any("cropped at the top" in w for w in warnings)


def test_thick_slices_are_warned_of_and_thicker_ones_refused():
    data = np.random.default_rng(0).random((40, 44, 12)).astype(np.float32)
    thick = Volume(data, np.diag([5.0, 5.0, 6.0, 1.0]))
    assert any("5 x 5 x 6 mm" in w for w in inspect(thick, "T2w").warnings)
    with pytest.raises(SubjectError, match=r"T2w: voxels of 5 x 5 x 6 mm .*5\.5 mm.*most_voxel_mm"):
        inspect(thick, "T2w", most_voxel_mm=5.5)


def scored(data):
    return (data - data.mean()) / data.std()


@pytest.mark.parametrize("changed", [scored, lambda d: d - 300, lambda d: d - 32768])
def test_intensities_without_a_zero_of_their_own_are_refused(scans, changed):
    for image in scans:
        shifted = image.with_data(changed(image.data.astype(np.float32)))
        with pytest.raises(SubjectError, match="intensities are negative"):
            inspect(shifted, "T1w")


def lifted(data):
    return data + 0.15 * np.quantile(data, 0.99)


def padded(data):
    return np.pad(data + 32768, ((0, 0), (9, 9), (0, 6)))


@pytest.mark.parametrize("changed", [lambda d: d + 32768, lifted, padded])
def test_intensities_that_lie_above_a_constant_are_refused(scans, changed):
    for image in scans:
        shifted = image.with_data(changed(image.data.astype(np.float32)))
        with pytest.raises(SubjectError, match=r"T1w: hardly any .* a constant was added"):
            inspect(shifted, "T1w")


@pytest.mark.parametrize("above", [0, 5000])
def test_dark_and_bright_exchanged_are_refused(scans, above):
    for image in scans:
        data = image.data.astype(np.float32)
        with pytest.raises(SubjectError, match=r"T1w: its corners .* inverted"):
            inspect(image.with_data(data.max() + above - data), "T1w")


def test_a_noise_of_half_the_bright_round_a_head_is_no_offset(scans):
    """As MP2RAGE leaves it."""
    data = scans[0].data.astype(np.float32) / scans[0].data.max()
    noise = np.random.default_rng(0).random(data.shape, np.float32)
    inspect(scans[0].with_data(np.where(data < 0.1, noise, data)), "T1w")


def test_a_brain_alone_that_holds_nothing_dark_is_no_offset(scans):
    rng = np.random.default_rng(1)
    shape = np.array(scans[0].data.shape)
    x, y, z = np.indices(shape) - shape[:, None, None, None] / 2
    inside = (x / 16) ** 2 + (y / 18) ** 2 + (z / 14) ** 2 < 1
    data = np.where(inside, rng.uniform(0.3, 1.0, inside.shape), 0.0).astype(np.float32)
    assert inside.mean() < 0.5
    inspect(scans[0].with_data(data), "T2w")


@pytest.mark.heavy
@pytest.mark.assets
def test_real_scans_and_templates_have_a_zero_of_their_own(shared):
    scans = [
        *(shared / "scans").glob("*/*/*T[12]W.nii.gz"),
        *(shared / "scans").glob("*/T*w.nii.gz"),
    ]
    whole = [*scans, *(shared / "assets" / "template").glob("*T[12]*.nii.gz")]
    for path in (p for p in whole if "mask" not in p.name):
        image = from_bytes(path.read_bytes(), path.name, kind="map")
        inspect(image, path.name)
        with pytest.raises(SubjectError, match="a constant was added"):
            inspect(image.with_data(image.data + 0.12 * image.data.max()), path.name)


@pytest.mark.heavy
def test_the_ringing_of_a_spline_is_no_offset(scans):
    for image in scans:
        finer = ndimage.zoom(image.data.astype(np.float32), 1.7, order=5)
        assert (finer < 0).mean() > 0.001
        affine = image.affine @ np.diag([1 / 1.7, 1 / 1.7, 1 / 1.7, 1.0])
        inspect(Volume(finer, affine), "T1w")


@pytest.mark.heavy
@pytest.mark.assets
def test_real_scans_resampled_by_a_spline_are_no_offset(shared):
    for name in ("T1w", "T2w"):
        path = shared / "scans" / "tcga_lgg" / f"{name}.nii.gz"
        if not path.exists():
            pytest.skip("the scans are not there")
        image = from_bytes(path.read_bytes(), name)
        finer = ndimage.zoom(image.data.astype(np.float32), 1.5, order=5)
        assert finer.min() < -0.1 * np.quantile(finer, 0.99)
        affine = image.affine @ np.diag([1 / 1.5, 1 / 1.5, 1 / 1.5, 1.0])
        inspect(Volume(finer, affine), name)


def test_one_image_given_twice_is_refused(scans):
    check_not_the_same(*scans)
    with pytest.raises(SubjectError, match="identical in every voxel"):
        check_not_the_same(scans[0], scans[0].with_data(scans[0].data.copy()))


def test_masks_must_be_on_the_grid_and_hold_something(scans):
    image = scans[0]
    mask = image.with_data(image.data > np.quantile(image.data, 0.99))
    assert mask_on(mask, image, "lesion mask").data.sum() == mask.data.sum()
    with pytest.raises(SubjectError, match="lesion mask is empty"):
        mask_on(mask.with_data(np.zeros_like(mask.data)), image, "lesion mask")
    for shift in (0.2, 3.0):
        moved = Volume(mask.data, translation((shift, 0, 0)) @ mask.affine)
        with pytest.raises(SubjectError, match="affines differ"):
            mask_on(moved, image, "lesion mask")
    with pytest.raises(SubjectError, match="affines differ"):
        mask_on(Volume(mask.data[:-1], mask.affine), image, "lesion mask")
    with pytest.raises(SubjectError, match="inverted"):
        mask_on(mask.with_data(~mask.data), image, "lesion mask")


@given(st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3))
def test_a_mask_stored_with_other_axes_is_the_same_mask(order, reversed_axes):
    pose = compose(np.diag([1.0, 2.0, 3.0, 1.0]), rotation((10, 5, -20)), translation((9, -8, 7)))
    data = np.random.default_rng(0).random((5, 6, 7)) > 0.7
    image = Volume(data.astype(np.float32), pose)
    stored, affine = data.transpose(order), pose @ np.eye(4)[:, [*order, 3]]
    for axis, reverse in enumerate(reversed_axes):
        if reverse:
            stored = np.flip(stored, axis)
            affine = affine @ translation(np.eye(3)[axis] * (stored.shape[axis] - 1))
            affine = affine @ np.diag([*np.where(np.arange(3) == axis, -1.0, 1.0), 1.0])
    np.testing.assert_array_equal(mask_on(Volume(stored, affine), image, "mask").data, data)


def test_a_mirrored_t2w_is_found_out(scans):
    t1w, t2w = scans
    own = compare_mirrored(t1w, t2w, np.eye(4))
    check_not_mirrored(own)
    assert own.gain < -0.02
    moved = compose(translation((9.0, -4.0, 6.0)), rotation((4.0, -3.0, 5.0)))
    middle = t2w.affine @ [*(np.array(t2w.data.shape) / 2), 1.0]
    wrong = Volume(t2w.data, moved @ about(MIRROR, middle[:3]) @ t2w.affine)
    found = compare_mirrored(t1w, wrong, moved)
    with pytest.raises(SubjectError, match=r"flipped.*checks\.mirrored"):
        check_not_mirrored(found)


def test_no_overlap_at_all_accuses_nobody():
    check_not_mirrored(Mirrored(0.0, 0.3))
