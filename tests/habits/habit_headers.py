"""What scanners and converters leave in headers, and what copying makes of files."""

from __future__ import annotations

import bz2
import gzip
import os
import shutil
from collections.abc import Callable
from typing import Any

import nibabel as nib
import numpy as np
from habit_case import FAULTY, SOUND, Case
from habit_dataset import AFFINE, LABELS, SHAPE, Dataset
from nibabel.nifti1 import Nifti1Extension

SHEARED = AFFINE + 0.02 * np.eye(4, k=1) * np.array([[1.0], [0], [0], [0]])
MOVED = AFFINE + 30.0 * np.eye(4, k=3)
WHO, T1W = "sub-02", "T1w.nii.gz"
FILE = "(sub-02/anat/sub-02_T1w.nii.gz)"
BROKEN = "sub-02: T1w: not a readable NIfTI image"


def image(dtype: Any = np.float32, shape: tuple[int, ...] = SHAPE) -> nib.Nifti1Image:
    """Return noise of one person, both forms coded."""
    data = np.random.default_rng(7).uniform(1, 900, shape).astype(dtype)
    made = nib.Nifti1Image(data, AFFINE, dtype=dtype)
    made.set_qform(AFFINE, 1)
    made.set_sform(AFFINE, 1)
    return made


def raw(**fields: object) -> bytes:
    """Return an image whose header holds what nibabel would not write."""
    content = bytearray(image().to_bytes())
    header = np.ndarray((), nib.Nifti1Header.template_dtype, buffer=content)
    for name, value in fields.items():
        header[name] = value
    return bytes(content)


def placed(content: bytes | Callable[[], bytes], name: str = T1W) -> Callable[[Dataset], object]:
    """Return a change: one person's file holds these bytes."""

    def change(dataset: Dataset) -> None:
        path = dataset.path(WHO, name)
        dataset.path(WHO, T1W).unlink()
        path.write_bytes(content if isinstance(content, bytes) else content())

    return change


def packed(**fields: object) -> Callable[[Dataset], object]:
    """Return a change: fields of one person's header are others."""
    return placed(lambda: gzip.compress(raw(**fields)))


def with_long_extension(random: bool) -> bytes:
    """Return an image with 200 kB between header and voxels."""
    made = image()
    noise = np.random.default_rng(0).bytes(200_000) if random else b"x" * 200_000
    made.header.extensions.append(Nifti1Extension("comment", noise))
    return bytes(gzip.compress(made.to_bytes()))


def pair(dataset: Dataset) -> None:
    """Keep one T1w as .hdr and .img."""
    made = image()
    dataset.path(WHO, T1W).unlink()
    nib.Nifti1Pair(made.dataobj, made.affine).to_filename(dataset.path(WHO, "T1w.hdr"))


def renamed_header(dataset: Dataset) -> None:
    """Name the header of a pair as if it were the image."""
    pair(dataset)
    dataset.path(WHO, "T1w.hdr").rename(dataset.path(WHO, "T1w.nii"))


def freesurfer(name: str) -> Callable[[Dataset], object]:
    """Return a change: one T1w comes from FreeSurfer."""

    def change(dataset: Dataset) -> None:
        dataset.path(WHO, T1W).unlink()
        path = dataset.path(WHO, "T1w.mgz")
        nib.MGHImage(np.ones(SHAPE, np.float32), AFFINE).to_filename(path)
        path.rename(dataset.path(WHO, name))

    return change


def two_broken(dataset: Dataset) -> None:
    """Spoil one image of each of two people."""
    dataset.path("sub-02", T1W).write_bytes(b"")
    dataset.path("sub-05", "T2w.nii.gz").write_bytes(b"no image")


CASES = [
    Case(
        "complex image",
        lambda d: d.scan(WHO, T1W, np.ones(SHAPE, np.complex64)),
        FAULTY,
        ("sub-02: T1w has complex values (complex64)", "part-mag", FILE),
    ),
    Case(
        "sheared sform",
        lambda d: d.scan(WHO, T1W, affine=SHEARED),
        FAULTY,
        ("sub-02: T1w: the axes of its affine are sheared by 0.01",),
    ),
    Case(
        "invalid quaternion beside a sound sform",
        packed(quatern_b=0.9, quatern_c=0.9),
        SOUND,
        ("note: sub-02: T1w: its qform cannot be used", "its sform is used"),
    ),
    Case(
        "quaternion that is not finite",
        packed(quatern_b=np.nan),
        SOUND,
        ("note: sub-02: T1w: its qform cannot be used (not finite",),
    ),
    Case(
        "invalid quaternion alone",
        packed(quatern_b=0.9, quatern_c=0.9, sform_code=0),
        FAULTY,
        ("sub-02: T1w: the affine cannot be used (qform: ", FILE),
    ),
    Case(
        "voxel sizes of 0 beside a sound sform",
        packed(pixdim=[1, 0, 0, 0, 1, 1, 1, 1]),
        SOUND,
        ("its qform cannot be used (not finite, or a voxel size is 0)",),
    ),
    Case(
        "voxel sizes of 0 with a qform alone",
        packed(pixdim=[1, 0, 0, 0, 1, 1, 1, 1], sform_code=0),
        FAULTY,
        ("the affine cannot be used (qform: not finite, or a voxel size is 0)",),
    ),
    Case(
        "sform of zeros beside a sound qform",
        packed(srow_x=0, srow_y=0, srow_z=0),
        SOUND,
        ("its sform cannot be used (singular); its qform is used",),
    ),
    Case(
        "two sound forms that disagree",
        packed(srow_x=[2, 0, 0, 30]),
        FAULTY,
        ("sub-02: T1w: qform and sform disagree by 30.0 mm",),
    ),
    Case(
        "no form",
        packed(qform_code=0, sform_code=0),
        FAULTY,
        ("qform_code and sform_code are both 0",),
    ),
    Case("qfac of 0", packed(pixdim=[0, 2, 2, 2, 1, 1, 1, 1]), SOUND),
    Case("qfac of 3", packed(pixdim=[3, 2, 2, 2, 1, 1, 1, 1]), SOUND),
    Case("units unknown", packed(xyzt_units=0), SOUND),
    Case("units of metres", packed(xyzt_units=1), FAULTY, ("lengths in meters",)),
    Case("units of microns", packed(xyzt_units=3), FAULTY, ("lengths in microns",)),
    Case("slope 0", packed(scl_slope=0), SOUND),
    Case("slope not a number", packed(scl_slope=np.nan, scl_inter=np.nan), SOUND),
    Case(
        "intercept that is not finite",
        packed(scl_slope=1, scl_inter=np.inf),
        FAULTY,
        (f"{BROKEN} (Valid slope but invalid intercept inf)",),
    ),
    Case("a fourth axis of one volume", placed(lambda: gzip.compress(
        image(shape=(*SHAPE, 1)).to_bytes())), SOUND),
    Case("two volumes", placed(lambda: gzip.compress(image(shape=(*SHAPE, 2)).to_bytes())),
         FAULTY, ("sub-02: T1w has 2 volumes (12 x 13 x 14 x 2)", FILE)),
    Case("a fourth axis of length 0", packed(dim=[4, *SHAPE, 0, 1, 1, 1]), FAULTY,
         ("sub-02: T1w has 0 volumes (12 x 13 x 14 x 0)",)),
    Case("dim[0] of 9", packed(dim=[9, *SHAPE, 1, 1, 1, 1]), FAULTY, (BROKEN, FILE)),
    Case("a slice alone", placed(lambda: gzip.compress(image(shape=(64, 64, 1)).to_bytes())),
         FAULTY, ("has only 1 slices on one axis",)),
    *(
        Case(f"voxels of type {np.dtype(kind).name}",
             placed(lambda kind=kind: gzip.compress(image(kind).to_bytes())), SOUND)
        for kind in (np.uint8, np.int16, np.uint16, np.int64, np.float64, ">i2")
    ),
    Case("voxels of type float128", packed(datatype=1536, bitpix=128), FAULTY, (BROKEN, FILE)),
    Case("data type of no meaning", packed(datatype=7), FAULTY, (BROKEN, FILE)),
    Case("vox_offset 0", packed(vox_offset=0), SOUND),
    *(Case(f"vox_offset {offset}", packed(vox_offset=offset), FAULTY, (BROKEN, FILE))
      for offset in (np.nan, np.inf, -np.inf)),
    *(Case(f"a slope of {slope}", packed(scl_slope=slope, scl_inter=0), SOUND)
      for slope in (np.inf, 1e36)),
    Case("an affine of numbers too large", packed(srow_x=[1e30, 0, 0, 0]), FAULTY,
         ("sub-02: T1w", FILE)),
    Case("a quaternion and sizes of numbers too large",
         packed(pixdim=[1, 1e38, 1e38, 1e38, 1, 1, 1, 1], sform_code=0), FAULTY,
         ("sub-02: T1w", FILE)),
    Case("vox_offset within the header", packed(vox_offset=100), FAULTY,
         (f"{BROKEN} (vox offset 100 too low",)),
    Case("vox_offset beyond the end", packed(vox_offset=90000), FAULTY,
         ("it has", FILE)),
    Case("NIfTI-2", placed(lambda: gzip.compress(
        nib.Nifti2Image(image().get_fdata(), AFFINE).to_bytes())), SOUND),
    Case("big-endian", placed(lambda: gzip.compress(nib.Nifti1Image(
        image().get_fdata(), AFFINE, nib.Nifti1Header(endianness=">")).to_bytes())), SOUND),
    Case("header extensions of 200 kB", placed(lambda: with_long_extension(False)), SOUND),
    Case("header extensions that do not compress", placed(lambda: with_long_extension(True)),
         SOUND),
    Case("a byte that promises extensions, and none", placed(
        lambda: (r := raw())[:348] + b"\x01" + r[349:], "T1w.nii"), SOUND),
    Case("gzip under the name .nii", placed(lambda: gzip.compress(raw()), "T1w.nii"), SOUND),
    Case("no gzip under the name .nii.gz", placed(raw), SOUND),
    Case("gzip twice", placed(lambda: gzip.compress(gzip.compress(raw()))), SOUND),
    *(Case(f"gzip of several members, the first of {first} bytes", placed(
        lambda first=first: gzip.compress((r := raw())[:first]) + gzip.compress(r[first:])), SOUND)
      for first in (0, 100, 352, 5000)),
    Case("gzip of several members, cut short", placed(
        lambda: (gzip.compress((r := raw())[:100]) + gzip.compress(r[100:]))[:-2000]), FAULTY,
         (BROKEN, FILE)),
    Case("gzip cut short", placed(lambda: gzip.compress(raw())[:-3000]), FAULTY, (BROKEN, FILE)),
    Case("gzip cut at its last byte", placed(lambda: gzip.compress(raw())[:-1]), FAULTY, (BROKEN,)),
    Case("gzip whose checksum is wrong", placed(lambda: gzip.compress(raw())[:-8] + b"12345678"),
         FAULTY, (BROKEN,)),
    Case("voxels cut short", placed(lambda: raw()[:-100], "T1w.nii"), FAULTY,
         (BROKEN, "it has 8988 of 9088 bytes")),
    Case("fewer voxels than promised in sound gzip", placed(
        lambda: gzip.compress(raw()[:-100])), FAULTY, (BROKEN, "it has")),
    Case("bytes after the voxels", placed(lambda: gzip.compress(raw() + bytes(500))), SOUND),
    Case("no byte", placed(b""), FAULTY, (f"{BROKEN}: the file is empty (0 bytes)", FILE)),
    Case("zeros", placed(bytes(5000)), FAULTY, (f"{BROKEN}: its first 1024 bytes are 0",)),
    Case("a text", placed(b"no image at all, but a text"), FAULTY,
         (f"{BROKEN} (27 bytes; a header has 348)", FILE)),
    Case("a web page", placed(b"<!DOCTYPE html><html>log in</html>"), FAULTY,
         (f"{BROKEN}: it is a web page",)),
    Case("a zip archive", placed(b"PK\x03\x04" + bytes(400)), FAULTY, ("it is in a zip archive",)),
    Case("bzip2", placed(lambda: bz2.compress(raw())), FAULTY, ("compressed by bzip2",)),
    Case("a DICOM file", placed(bytes(128) + b"DICM" + bytes(range(200))), FAULTY,
         ("it is a DICOM file", "source=dicom")),
    Case("an ANALYZE image", packed(magic=b""), FAULTY, ("ANALYZE header", "left and right")),
    Case("NIfTI in two files", pair, FAULTY,
         ("sub-02/anat/sub-02_T1w.hdr is not a single-file NIfTI image",
          "nib-convert sub-02/anat/sub-02_T1w.hdr sub-02_T1w.nii.gz")),
    Case("a .hdr under the name .nii", renamed_header, FAULTY,
         ("it is the header of an image in two files (.hdr and .img)",)),
    Case("an image of FreeSurfer", freesurfer("T1w.mgz"), FAULTY,
         ("nib-convert sub-02/anat/sub-02_T1w.mgz sub-02_T1w.nii.gz",)),
    Case("an image of FreeSurfer under the name .nii.gz", freesurfer(T1W), FAULTY,
         ("it is a FreeSurfer image (MGH)",)),
    Case("a name in capitals", placed(lambda: gzip.compress(raw()), "T1w.NII.GZ"), FAULTY,
         ("sub-02/anat/sub-02_T1w.NII.GZ is not a single-file NIfTI image", "sub-02_T1w.nii.gz")),
    Case("one T1w of two people", lambda d: shutil.copy(
        d.path("sub-02", T1W), d.path("sub-05", T1W)), FAULTY,
         ("sub-02 and sub-05 have the same image, byte for byte",
          "sub-05 and sub-02 have the same image")),
    Case("one T1w of two people under two names", lambda d: shutil.copy(
        d.path("sub-02", T1W), d.path("sub-05", "T2w.nii.gz")), FAULTY,
         ("sub-02 and sub-05 have the same image",)),
    *(Case(f"a T1w as T2w, {how}", lambda d, copy=copy: (
        d.path(WHO, "T2w.nii.gz").unlink(), copy(d.path(WHO, T1W), d.path(WHO, "T2w.nii.gz"))),
           FAULTY, ("sub-02: T1w and T2w are the same image, byte for byte",))
      for how, copy in (("a copy", shutil.copy), ("a link", os.link))),
    Case("unpacked images of one size", lambda d: [
        (d.path(label, "T1w.nii").write_bytes(gzip.decompress(d.path(label, T1W).read_bytes())),
         d.path(label, T1W).unlink()) for label in LABELS], SOUND),
    Case("two people's files unreadable among twelve", two_broken, FAULTY,
         ("2 problems:", f"{BROKEN}: the file is empty", "sub-05: T2w: not a readable NIfTI image",
          "read the headers of 10 images of 6 people", "(sub-05/anat/sub-05_T2w.nii.gz)")),
]  # fmt: skip
