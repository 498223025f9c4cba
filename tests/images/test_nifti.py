import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.nifti1 import Nifti1Extension

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.nifti import (
    from_bytes,
    inspect_start,
    is_whole,
    require_whole,
    to_bytes,
)
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
        (coloured(), "colour values"),
        (encoded(ramp(), qform=sheared(0), sform=sheared(0.005)), r"sheared by 0\.005"),
        (encoded(ramp(), sform=sheared(0.3), codes=(0, 1)), r"sheared by 0\.29"),
        (in_units("meter", 0.001), r"in meters \(xyzt_units\), with voxels of 0\.001"),
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
        inspect_start(content[:400], "T1w")


def test_forms_within_a_voxel_and_a_single_trailing_volume_pass():
    assert from_bytes(encoded(ramp(), sform=moved(0.9)), "scan").data.shape == (9, 10, 11)
    assert from_bytes(encoded(ramp((8, 9, 10, 1))), "scan").data.shape == (8, 9, 10)


def test_a_map_keeps_its_missing_voxels_as_nan():
    data = from_bytes(encoded(with_missing()), "map", kind="map").data
    assert np.isnan(data).sum() == 5


def with_fields(**fields):
    content = bytearray(encoded(ramp()))
    header = np.ndarray((), nib.Nifti1Header.template_dtype, buffer=content)
    for name, value in fields.items():
        header[name] = value
    return bytes(content)


@pytest.mark.parametrize(
    "fields",
    [
        {"vox_offset": 0},
        {"quatern_b": 0.9, "quatern_c": 0.9},
        {"quatern_d": np.nan},
        {"pixdim": [1, 0, 0, 0, 1, 1, 1, 1]},
        {"srow_x": 0, "srow_y": 0, "srow_z": 0},
        {"srow_x": np.nan},
        {"scl_slope": 0, "scl_inter": 7},
        {"scl_slope": np.nan, "scl_inter": np.nan},
        {"xyzt_units": 0},
        {"bitpix": 8},
        {"sizeof_hdr": 348, "regular": b"x", "descrip": b"\xff" * 80},
    ],
)
def test_odd_headers_give_the_same_voxels_in_the_same_place(fields):
    for content in (with_fields(**fields), gzip.compress(gzip.compress(with_fields(**fields)))):
        found = from_bytes(content, "T1w")
        np.testing.assert_array_equal(found.data, ramp())
        np.testing.assert_allclose(found.affine, AFFINE, atol=1e-4)
        assert inspect_start(content[:60_000], "T1w").grid.same_as(found.grid, 1e-6)


@pytest.mark.parametrize("length", [100, 70_000])
def test_header_extensions_of_any_length_are_passed_over(length):
    image = nib.Nifti1Image(ramp(), AFFINE)
    image.header.extensions.append(Nifti1Extension("comment", b"x" * length))
    content = image.to_bytes()
    np.testing.assert_array_equal(from_bytes(content, "T1w").data, ramp())
    start = inspect_start(content[:400], "T1w")
    assert start.bytes_promised == len(content)
    torn = content[:348] + b"\x01\0\0\0" + content[352:]
    np.testing.assert_array_equal(from_bytes(torn, "T1w").data, ramp())


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        (lambda raw: raw, True),
        (lambda raw: raw[:-1], False),
        (lambda raw: gzip.compress(raw), True),
        (lambda raw: gzip.compress(raw)[:-1], False),
        (lambda raw: gzip.compress(raw)[:-500], False),
        (lambda raw: gzip.compress(raw[:-1]), False),
    ],
)
def test_a_size_shows_whether_a_file_is_whole(change, whole):
    content = change(encoded(ramp()))
    start = inspect_start(content[:60_000], "T1w")
    assert is_whole(content[:99], content[-4:], len(content), start) is whole
    if whole:
        require_whole(content, start, "T1w")
    else:
        with pytest.raises(SubjectError, match="T1w: not a readable NIfTI image"):
            require_whole(content, start, "T1w")


def test_what_only_unpacking_can_tell_is_no_fault():
    content = gzip.compress(encoded(ramp()) + bytes(50))
    start = inspect_start(content, "T1w")
    assert not is_whole(content, content[-4:], len(content), start)
    require_whole(content, start, "T1w")
    np.testing.assert_array_equal(from_bytes(content, "T1w").data, ramp())


def test_both_forms_unusable_are_refused_with_both_reasons():
    content = with_fields(quatern_b=np.nan, srow_x=0)
    with pytest.raises(SubjectError, match=r"cannot be used \(sform: singular; qform: not finite"):
        from_bytes(content, "T1w")
