"""Images and transforms that are made or damaged to be larger, deeper or other than they say."""

from __future__ import annotations

import gzip
import resource

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.gzipped import beginning, unzipped
from rt1t2_dask.images.nifti import from_bytes, inspect_start, many_from_bytes, require_whole
from rt1t2_dask.images.registration.itk_transform import read_transform, warp_of
from rt1t2_dask.images.volume import Grid

AFFINE = np.diag([2.0, 2, 2, 1])
ZEROS = gzip.compress(bytes(1 << 26), 9, mtime=0)


def image(**fields: object) -> bytes:
    made = nib.Nifti1Image(np.random.default_rng(0).uniform(1, 9, (9, 10, 11)), AFFINE)
    made.set_sform(AFFINE, 1)
    made.set_qform(AFFINE, 1)
    content = bytearray(made.to_bytes())
    header = np.ndarray((), nib.Nifti1Header.template_dtype, buffer=content)
    for name, value in fields.items():
        header[name] = value
    return bytes(content)


def packed(content: bytes, layers: int = 1) -> bytes:
    for _ in range(layers):
        content = gzip.compress(content, 1, mtime=0)
    return content


def test_a_bomb_is_refused_before_it_takes_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SubjectError, match=r"it unpacks to more than \d+ bytes"):
        from_bytes(packed(image()) + 40 * ZEROS, "T1w")
    start = inspect_start(image()[:2000], "T1w")
    with pytest.raises(SubjectError, match="unpacks to more"):
        require_whole(packed(image()) + 40 * ZEROS, start, "T1w")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000


def test_what_lies_behind_an_image_is_left_alone():
    expected = from_bytes(image(), "T1w").data
    for content in (
        image() + bytes(70_000), packed(image()) + packed(bytes(70_000)), packed(image(), 2),
        packed(image()[:5000]) + packed(image()[5000:]), packed(image()) + bytes(512),
    ):  # fmt: skip
        assert np.array_equal(from_bytes(content, "T1w").data, expected)


def test_layers_without_end_are_refused():
    with pytest.raises(SubjectError, match="packed by gzip"):
        from_bytes(packed(image(), 5), "T1w")


def test_a_header_that_promises_terabytes_is_refused():
    huge = image(dim=[3, 30_000, 30_000, 30_000, 1, 1, 1, 1], sform_code=1, qform_code=0)
    with pytest.raises(SubjectError, match=r"it has \d+ of \d{15} bytes"):
        from_bytes(packed(huge), "T1w")
    with pytest.raises(SubjectError, match="4 are expected"):
        many_from_bytes(image(dim=[4, 9, 10, -11, 2, 1, 1, 1]), "TPM")


def test_unknown_units_are_millimetres_as_none_are():
    assert inspect_start(image(xyzt_units=7), "T1w").grid.shape == (9, 10, 11)
    with pytest.raises(SubjectError, match="lengths in microns"):
        inspect_start(image(xyzt_units=3), "T1w")


def test_gzip_is_unpacked_to_a_size_known_beforehand():
    content = packed(b"abc" * 1000) + packed(b"defg")
    assert unzipped(content, 3004) == b"abc" * 1000 + b"defg"
    assert unzipped(b"plain", 2) == b"plain"
    assert beginning(content, 3002) == b"abc" * 1000 + b"de"
    for broken, error in ((content, OSError), (content[:-3], EOFError), (content + b"x", OSError)):
        with pytest.raises(error):
            unzipped(broken, 3003 if broken is content else 9999)


def test_a_damaged_transform_is_a_reason_and_no_crash(tmp_path):
    path = tmp_path / "x.h5"
    sitk.WriteTransform(sitk.AffineTransform(3), str(path))
    content = path.read_bytes()
    assert read_transform(content, ".h5").GetDimension() == 3
    for broken in (content[:900], content[: len(content) // 2], b"\x89HDF\r\n\x1a\n" + bytes(2000)):
        with pytest.raises(SubjectError, match="not a readable ITK file"):
            read_transform(broken, ".h5")
    with pytest.raises(SubjectError, match="not a readable ITK file"):
        read_transform(b"#Insight Transform File V1.0\nTransform: \xee\xff\n", ".txt")


def test_a_transform_into_a_plane_is_a_reason(tmp_path):
    flat = sitk.AffineTransform(3)
    flat.SetMatrix([1, 0, 0, 0, 1, 0, 0, 0, 0])
    with pytest.raises(SubjectError, match="has no inverse"):
        warp_of(flat, Grid((9, 9, 9), AFFINE))
