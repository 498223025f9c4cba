"""NIfTI bytes to a Volume and back; refuses what would give a wrong number."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import Any, Literal

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.nifti_header import LEAVE_OUT, single_volume, trusted_affine
from rt1t2_dask.images.volume import Grid, Volume

Kind = Literal["scan", "map", "mask"]

_NIFTI2_HEADER_BYTES = 540
_SHEAR_TOLERANCE_MM = 1e-3
_BROKEN: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    HeaderDataError,
    ImageFileError,
    WrapStructError,
)


def from_bytes(content: bytes, name: str, *, kind: Kind = "scan") -> Volume:
    """Read one NIfTI image, gzipped or not.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Opens every error message, as "sub-017 T1w".
    kind : {"scan", "map", "mask"}
        A scan must be finite everywhere and not constant; a map may have missing voxels (they
        come back as NaN); a mask may be constant and comes back boolean (value >= 0.5).

    Returns
    -------
    Volume
        float32, or bool for a mask; scaled by the header's slope and intercept.

    Raises
    ------
    SubjectError
        Unreadable or truncated; more than one volume; complex or colour values; no affine, a
        sheared one; qform and sform more than a voxel apart; no millimetres; non-finite voxels in a
        scan or no finite voxel in a map; constant; fewer than 8 slices on an axis.
    """
    image = _open(content, name)
    shape = single_volume(image, name)
    affine = trusted_affine(image, shape, name)
    data = _read(image, name).reshape(shape)
    if kind == "mask":
        return Volume(data >= 0.5, affine)
    data[~np.isfinite(data)] = np.nan
    _check_values(data, kind, name)
    return Volume(data, affine)


def grid_from_start(start: bytes, name: str) -> Grid:
    """Read the grid of an image from the beginning of its file, gzipped or not.

    Parameters
    ----------
    start : bytes
        Some 64 kB hold every usual header.
    name : str
        Opens every error message.

    Raises
    ------
    SubjectError
        What a header alone shows: no NIfTI, not one 3-D volume, no or contradicting geometry.
    """
    try:
        raw = (
            zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start) if _gzipped(start) else start
        )
    except zlib.error as error:
        raise _unreadable(name, error) from error
    image = _parsed(raw, name)
    shape = single_volume(image, name)
    return Grid(shape, trusted_affine(image, shape, name))


def many_from_bytes(content: bytes, name: str) -> list[Volume]:
    """Read a 4-D NIfTI image as its volumes, float32.

    Raises
    ------
    SubjectError
        Unreadable, not 4-D, or no affine.
    """
    image = _open(content, name)
    if len(image.shape) != 4:
        raise SubjectError(f"{name} has {len(image.shape)} dimensions; 4 are expected.", LEAVE_OUT)
    data = _read(image, name)
    affine = trusted_affine(image, data.shape[:3], name)
    return [Volume(data[..., k], affine) for k in range(data.shape[3])]


def to_bytes(volume: Volume, *, space_code: int, description: str) -> bytes:
    """Write a Volume as .nii.gz: the same volume always gives the same bytes.

    Parameters
    ----------
    volume : Volume
        Booleans are stored as uint8, floats as float32 (NaN kept), integers as they are.
    space_code : int
        NIfTI qform and sform code: 1 scanner, 2 aligned, 3 Talairach, 4 MNI152.
    description : str
        At most 79 bytes are kept.
    """
    data = _storable(volume.data)
    image = nib.Nifti1Image(data, volume.affine)
    header = image.header
    image.set_sform(volume.affine, code=space_code)
    image.set_qform(volume.affine, code=space_code, strip_shears=True)
    if not np.allclose(header.get_qform(), volume.affine, atol=_SHEAR_TOLERANCE_MM):
        header["qform_code"] = 0  # a quaternion cannot hold a shear: say nothing over a wrong pose
    header.set_xyzt_units("mm", "sec")
    header["descrip"] = description.encode()[:79]
    return gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)


def _storable(data: NDArray[Any]) -> NDArray[Any]:
    if data.dtype == np.bool_:
        return data.astype(np.uint8)
    return data.astype(np.float32) if np.issubdtype(data.dtype, np.floating) else data


def _open(content: bytes, name: str) -> Any:
    try:
        raw = gzip.decompress(content) if _gzipped(content) else content
    except _BROKEN as error:
        raise _unreadable(name, error) from error
    return _parsed(raw, name)


def _gzipped(content: bytes) -> bool:
    return content[:2] == b"\x1f\x8b"


def _parsed(raw: bytes, name: str) -> Any:
    """Read the header; the voxels are not touched."""
    try:
        (header_bytes,) = struct.unpack("<i", raw[:4])
        nifti2 = header_bytes in (_NIFTI2_HEADER_BYTES, _swapped(_NIFTI2_HEADER_BYTES))
        return (nib.Nifti2Image if nifti2 else nib.Nifti1Image).from_bytes(raw)
    except _BROKEN as error:
        raise _unreadable(name, error) from error


def _swapped(number: int) -> int:
    return int(struct.unpack("<i", struct.pack(">i", number))[0])


def _unreadable(name: str, error: Exception) -> SubjectError:
    return SubjectError(f"{name}: not a readable NIfTI image ({error}).", LEAVE_OUT)


def _read(image: Any, name: str) -> NDArray[np.float32]:
    try:
        return np.asarray(image.get_fdata(dtype=np.float32, caching="unchanged")).copy()
    except _BROKEN as error:
        raise _unreadable(name, error) from error


def _check_values(data: NDArray[np.float32], kind: Kind, name: str) -> None:
    finite = data[np.isfinite(data)]
    missing = 1.0 - finite.size / data.size
    if finite.size == 0 or (kind == "scan" and missing > 0):
        raise SubjectError(f"{name}: {missing:.2%} of the voxels are not finite.", LEAVE_OUT)
    if finite.min() == finite.max():
        raise SubjectError(f"{name}: every voxel is {finite[0]:g}.", LEAVE_OUT)
