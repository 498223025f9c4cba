import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from itk_images import from_itk, to_itk
from known_head import icbm
from scipy import ndimage

from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.resample import regrid, template_grid, to_grid, working_grid
from rt1t2_dask.images.transform import Warp, compose, move, rotation, translation
from rt1t2_dask.images.volume import Grid, Volume

POSE = compose(rotation((8, -5, 12)), translation((3.0, -2.0, 1.5)))


def noise(shape=(20, 22, 24), voxel=2.0, seed=0):
    data = np.random.default_rng(seed).normal(size=shape)
    data = ndimage.gaussian_filter(data, 1.0).astype(np.float32)
    return Volume(data, compose(np.diag([voxel, voxel, voxel, 1]), translation((-20, -22, -24))))


def folder(name):
    assets = os.environ.get("RT1T2_ASSETS")
    found = assets and Path(assets).parent / "reference" / name
    if not found or not found.is_dir():
        pytest.skip("RT1T2_ASSETS is not set: the SPM12 reference images are not here")
    return found, Path(assets)


@pytest.mark.assets
@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("r1mm_i4_avg152T1_f32", 4),
        ("r1mmrot_i4_avg152T1_f32", 4),
        ("r1mm_i0_avg152T1_f32", 0),
    ],
)
def test_reslicing_equals_spm12(name, order):
    reference, assets = folder("spm_images")
    source = from_bytes((assets / "template" / "avg152T1.nii.gz").read_bytes(), "T1", kind="map")
    spm = from_bytes((reference / f"{name}.nii.gz").read_bytes(), "spm", kind="map")
    ours = to_grid(source, spm.grid, order=order)
    np.testing.assert_allclose(ours.data, spm.data, atol=1e-6)


def test_fourth_degree_spline_equals_simpleitk():
    image, target = noise(), Grid((15, 15, 15), translation((-12, -14, -10)))
    ours = to_grid(image, target, rigid=POSE, order=4).data
    lps = np.diag([-1, -1, 1, 1]) @ POSE @ np.diag([-1, -1, 1, 1])
    transform = sitk.AffineTransform(lps[:3, :3].ravel().tolist(), lps[:3, 3].tolist())
    like = to_itk(Volume(np.zeros(target.shape, np.float32), target.affine))
    scaled = to_itk(image)  # in units of its own, a power of two apart
    unit = float(image.data.max()) / float(sitk.GetArrayViewFromImage(scaled).max())
    theirs = unit * from_itk(sitk.Resample(scaled, like, transform, sitk.sitkBSpline4)).data
    low, high = image.data.min(), image.data.max()
    np.testing.assert_allclose(ours, np.clip(theirs, low, high), atol=2e-5)


@given(st.integers(0, 10_000))
def test_a_spline_never_leaves_the_inputs_range(seed):
    image = noise((9, 9, 9), seed=seed)
    image = image.with_data((image.data > 0).astype(np.float32))
    fine = regrid(image, 0.9, order=4).data
    assert fine.min() >= 0 and fine.max() <= 1


@pytest.mark.parametrize("order", [0, 1, 4])
def test_its_own_grid_gives_the_image_back(order):
    image = noise()
    np.testing.assert_allclose(to_grid(image, image.grid, order=order).data, image.data, atol=1e-6)


@pytest.mark.parametrize("order", [1, 4])
def test_transforms_are_composed_in_order_and_interpolated_once(order):
    """A linear ramp is reproduced exactly by linear and spline interpolation."""
    slope = np.array([0.5, -0.25, 1.0])
    affine = compose(np.diag([3.0, 2.0, 4.0, 1]), rotation((20, 10, 5)), translation((-60,) * 3))
    grid = Grid((40, 60, 30), affine)
    ramp = Volume((grid.world() @ slope).astype(np.float32), affine)
    target = Grid((6, 7, 8), translation((-3, -3, -4)))
    field = np.zeros((8, 8, 8, 3), np.float32)
    field[:] = (1.0, 2.0, -1.5)
    warp = Warp(rotation((0, 3, -4)), field, Grid((8, 8, 8), translation((-4, -4, -4))))
    out = to_grid(ramp, target, rigid=POSE, warp=warp, order=order).data
    expected = move(POSE, warp.points(target.world())) @ slope
    np.testing.assert_allclose(out, expected, atol=2e-3 if order == 4 else 1e-4)


def test_beyond_half_a_voxel_outside_is_outside():
    image = Volume(np.ones((8, 8, 8), np.float32), np.eye(4))
    line = Grid((4, 1, 1), compose(np.diag([0.4, 1, 1, 1]), translation((-0.8, 3, 3))))
    out = to_grid(image, line, order=1, outside=np.nan).data.ravel()
    np.testing.assert_array_equal(out, [np.nan, 1, 1, 1])


def test_nearest_neighbour_keeps_labels_and_type():
    labels = Volume(
        np.random.default_rng(0).integers(0, 200, (9, 9, 9)).astype(np.int16), np.eye(4)
    )
    out = to_grid(labels, Grid((20, 20, 20), np.diag([0.4, 0.4, 0.4, 1])), order=0).data
    assert out.dtype == np.int16
    assert set(np.unique(out)) <= set(np.unique(labels.data)) | {0}


def test_a_spline_through_missing_voxels_is_refused():
    image = noise()
    image.data[3, 3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        to_grid(image, image.grid, order=4)


def test_the_icbm_grid_at_2_mm_starts_at_the_same_voxel_centre():
    grid = template_grid(icbm("t1").grid, 2.0)
    assert grid.shape == (99, 117, 95)
    np.testing.assert_allclose(
        grid.affine, [[2, 0, 0, -98], [0, 2, 0, -134], [0, 0, 2, -72], [0, 0, 0, 1]]
    )


@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_the_template_grid_does_not_depend_on_storage_order(order, signs):
    ras = Grid((9, 11, 13), translation((-4, -5, -6)))
    reorder = np.eye(4)
    reorder[:3, :3] = np.eye(3)[:, list(order)] * signs
    shape = tuple(np.array(ras.shape)[list(order)])
    for column, sign in enumerate(signs):
        if sign < 0:
            reorder[order[column], 3] = shape[column] - 1
    again = template_grid(Grid(shape, ras.affine @ reorder), 2.0)
    assert again.same_as(template_grid(ras, 2.0))
    assert nib.aff2axcodes(again.affine) == ("R", "A", "S")


def test_regridding_keeps_the_field_of_view_and_the_mean():
    image = noise((24, 24, 24), voxel=1.0)
    coarse = regrid(image, 3.0)
    assert coarse.data.shape == (8, 8, 8)
    edge = move(image.affine, np.array([-0.5] * 3))
    np.testing.assert_allclose(move(coarse.affine, np.array([-0.5] * 3)), edge)
    assert abs(coarse.data.mean() - image.data.mean()) < 0.01


def test_regridding_does_not_alias_a_fine_pattern():
    stripes = np.broadcast_to((np.arange(30) % 2)[:, None, None], (30, 30, 30))
    coarse = regrid(Volume(stripes.astype(np.float32), np.eye(4)), 3.0).data
    np.testing.assert_allclose(coarse[1:-1], 0.5, atol=0.05)


def test_sampling_a_mask_alone_changes_no_bit_inside():
    rng = np.random.default_rng(4)
    image, target = noise((30, 28, 26)), Grid((24, 22, 20), compose(POSE, translation((4, 4, 4))))
    within = rng.random(target.shape) < 0.3
    whole = to_grid(image, target, order=4, outside=np.nan).data
    part = to_grid(image, target, order=4, outside=np.nan, within=within).data
    assert part[within].tobytes() == whole[within].tobytes()
    assert np.isnan(part[~within]).all()


def test_a_clinical_t1w_and_its_masks_come_to_one_isotropic_grid():
    affine = compose(np.diag([0.9, 0.9, 3.0, 1]), rotation((12, 0, 5)), translation((-20, 8, 3)))
    t1w = noise((40, 44, 14)).with_data(ndimage.gaussian_filter(noise((40, 44, 14)).data, 1.5))
    t1w = Volume(t1w.data, affine)
    lesion = Volume(np.zeros(t1w.data.shape, bool), affine)
    lesion.data[10:20, 12:24, 4:9] = True
    made = working_grid({"t1w": t1w, "lesion": lesion}, 1.0)
    np.testing.assert_allclose(made["t1w"].grid.voxel_mm, 1.0)
    assert made["lesion"].grid.same_as(made["t1w"].grid)
    volumes = [mask.data.sum() * mask.grid.voxel_volume_mm3 for mask in (lesion, made["lesion"])]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.05)
    np.testing.assert_array_equal(made["t1w_source"].data, t1w.data)
    np.testing.assert_allclose(made["t1w_source"].affine, t1w.affine, atol=6e-4)
    assert made["t1w"].data.min() >= t1w.data.min()
    back = to_grid(made["t1w"], t1w.grid, order=4).data
    inside = (slice(5, -5), slice(5, -5), slice(2, -2))
    assert np.corrcoef(back[inside].ravel(), t1w.data[inside].ravel())[0, 1] > 0.99


def test_a_t1w_of_the_wanted_voxels_stays_as_it_is():
    assert working_grid({"t1w": noise((9, 9, 9))}, 2.0) == {}
