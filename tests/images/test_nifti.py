import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.nifti import from_bytes, grid_from_start, to_bytes
from rt1t2_dask.images.transform import compose, rotation, translation
from rt1t2_dask.images.volume import Volume

AFFINE = compose(np.diag([1.0, 2.0, 3.0, 1.0]), rotation((10, 5, -20)), translation((9, -8, 7)))


def ramp(shape=(9, 10, 11)):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def encoded(data, *, qform=AFFINE, sform=AFFINE, codes=(1, 1)):
    image = nib.Nifti1Image(data, None)
    image.set_qform(qform, code=codes[0])
    image.set_sform(sform, code=codes[1])
    return image.to_bytes()


@given(st.integers(0, 2**32 - 1))
def test_what_is_written_is_read_back(seed):
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(8, 9, 10)).astype(np.float32)
    data[rng.random(data.shape) < 0.3] = np.nan
    content = to_bytes(Volume(data, AFFINE), space_code=4, description="test")
    back = from_bytes(content, "map", kind="map")
    np.testing.assert_array_equal(back.data, data)
    np.testing.assert_allclose(back.affine, AFFINE, atol=1e-5)


def test_the_same_volume_gives_the_same_bytes_and_nibabel_reads_them(tmp_path):
    volume = Volume(ramp(), AFFINE)
    first = to_bytes(volume, space_code=4, description="x")
    assert first == to_bytes(volume, space_code=4, description="x")
    (tmp_path / "a.nii.gz").write_bytes(first)
    image = nib.load(tmp_path / "a.nii.gz")
    assert image.get_data_dtype() == np.float32
    assert int(image.header["sform_code"]) == 4
    np.testing.assert_array_equal(image.get_fdata(), ramp())


def test_a_mask_is_stored_small_and_read_as_boolean():
    mask = ramp() > 500
    content = to_bytes(Volume(mask, AFFINE), space_code=1, description="mask")
    assert nib.Nifti1Image.from_bytes(gzip.decompress(content)).get_data_dtype() == np.uint8
    back = from_bytes(content, "mask", kind="mask").data
    assert back.dtype == np.bool_
    np.testing.assert_array_equal(back, mask)


def test_an_empty_mask_is_a_mask():
    content = to_bytes(Volume(np.zeros((8, 8, 8), bool), AFFINE), space_code=1, description="")
    assert not from_bytes(content, "mask", kind="mask").data.any()


def test_integers_are_scaled_by_the_header():
    image = nib.Nifti1Image(ramp().astype(np.int16), AFFINE)
    image.header.set_slope_inter(0.5, 3)
    raw = image.to_bytes()
    stored = nib.Nifti1Image.from_bytes(raw)
    np.testing.assert_allclose(from_bytes(raw, "scan").data, stored.get_fdata(), rtol=1e-6)


def test_a_sheared_affine_keeps_its_sform_alone():
    sheared = AFFINE.copy()
    sheared[0, 1] += 0.5
    content = to_bytes(Volume(ramp(), sheared), space_code=4, description="")
    image = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    assert int(image.header["qform_code"]) == 0
    np.testing.assert_allclose(image.affine, sheared, atol=1e-5)


def test_nifti2_is_read():
    raw = nib.Nifti2Image(ramp(), AFFINE).to_bytes()
    np.testing.assert_array_equal(from_bytes(raw, "scan").data, ramp())


def with_missing():
    data = ramp()
    data[0, 0, :5] = np.inf
    return data


def moved(mm):
    return translation((mm, 0, 0)) @ AFFINE


def sheared(by):
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    affine[0, 1] = 2.0 * by
    return affine


def in_units(unit, factor):
    image = nib.Nifti1Image(ramp(), np.diag([factor, factor, factor, 1.0]))
    image.header.set_xyzt_units(unit, "sec")
    return image.to_bytes()


def coloured():
    colours = np.zeros((9, 10, 11), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    return nib.Nifti1Image(colours, AFFINE).to_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (encoded(ramp().astype(np.complex64)), r"complex values \(complex64\)"),
        (coloured(), "colours"),
        (encoded(ramp(), qform=sheared(0), sform=sheared(0.005)), r"sheared by 0\.005"),
        (encoded(ramp(), sform=sheared(0.3), codes=(0, 1)), r"sheared by 0\.29"),
        (in_units("meter", 0.001), r"in meters \(xyzt_units\), and a voxel is 0\.001"),
        (in_units("micron", 1000), "in microns"),
        (in_units("mm", 0.001), "as if lengths were in metres"),
        (b"no image at all", "not a readable"),
        (b"", "not a readable"),
        (encoded(ramp())[:2000], "not a readable"),
        (gzip.compress(encoded(ramp()))[:1500], "not a readable"),
        (encoded(ramp((8, 8, 8, 2))), r"2 volumes \(8 x 8 x 8 x 2\)"),
        (encoded(ramp((8, 8))), r"0 volumes \(8 x 8\)"),
        (encoded(ramp((8, 8, 7))), "7 slices"),
        (encoded(ramp(), codes=(0, 0)), "left and right"),
        (encoded(ramp(), sform=moved(3.5)), "disagree by 3.5 mm"),
        (encoded(ramp() * 0 + 5), "every voxel is 5"),
        (encoded(with_missing()), "0.51% of the voxels are not finite"),
        (encoded(ramp() * np.nan), "100.00%"),
    ],
)
def test_what_would_give_a_wrong_number_is_refused(content, said):
    with pytest.raises(SubjectError, match=said) as caught:
        from_bytes(content, "sub-017 T1w")
    assert str(caught.value).startswith("sub-017 T1w")
    assert caught.value.remedy


def test_a_shear_of_rounding_and_unknown_units_pass():
    assert from_bytes(encoded(ramp(), sform=sheared(5e-4), codes=(0, 1)), "scan").data.size
    assert from_bytes(in_units("unknown", 1), "scan").data.size


@pytest.mark.parametrize("fault", [sheared(0.005), None])
def test_a_header_alone_shows_shear_and_complex_values(fault):
    data = ramp() if fault is not None else ramp().astype(np.complex64)
    content = encoded(data, sform=AFFINE if fault is None else fault, codes=(0, 1))
    with pytest.raises(SubjectError, match=r"sheared|complex"):
        grid_from_start(content[:400], "T1w")


def test_forms_within_a_voxel_and_a_single_trailing_volume_pass():
    assert from_bytes(encoded(ramp(), sform=moved(0.9)), "scan").data.shape == (9, 10, 11)
    assert from_bytes(encoded(ramp((8, 9, 10, 1))), "scan").data.shape == (8, 9, 10)


def test_a_map_keeps_its_missing_voxels_as_nan():
    data = from_bytes(encoded(with_missing()), "map", kind="map").data
    assert np.isnan(data).sum() == 5
