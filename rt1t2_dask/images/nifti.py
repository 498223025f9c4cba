"""Read and write NIfTI; refuse images that would give wrong numbers."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from typing import Any, Literal

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from numpy.typing import NDArray

from rt1t2_dask import gzipped
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.nifti_header import (
    BROKEN,
    LEAVE_OUT,
    bytes_promised,
    read_header,
    single_volume,
    trusted_affine,
    trusted_pose,
    unreadable,
)
from rt1t2_dask.images.volume import Grid, Volume

Kind = Literal["scan", "map", "mask"]

_SHEAR_TOLERANCE_MM = 1e-3
START_BYTES = 65536
_GZIP_COUNTS_TO = 1 << 32
# Files are packed once, by mistake twice; a file can be made that unpacks to itself.
_MOST_LAYERS = 3
# Some programs write more behind the voxels, blocks of zeros or tables of their own.
_SLACK_BYTES = 1 << 26
_BROKEN: tuple[type[Exception], ...] = (*BROKEN, zlib.error)


def from_bytes(content: bytes, name: str, *, kind: Kind = "scan") -> Volume:
    """Read one NIfTI image, compressed or not.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Begins every error message, such as "sub-017 T1w".
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
    header = read_header(_unpacked_start(content, name), name)
    shape = single_volume(header, name)
    affine = trusted_affine(header, shape, name)
    data = _read(_whole(content, header, name), header, name).reshape(shape)
    if kind == "mask":
        return Volume(data >= 0.5, affine)
    data[~np.isfinite(data)] = np.nan
    _check_values(data, kind, name)
    return Volume(data, affine)


@dataclass(frozen=True)
class Start:
    """The header of an image, read from the beginning of its file.

    Parameters
    ----------
    grid : Grid
    notes : tuple of str
        Irregularities of the header, and how they were resolved.
    bytes_promised : int
        Expected size in bytes, uncompressed.
    """

    grid: Grid
    notes: tuple[str, ...]
    bytes_promised: int


def inspect_start(start: bytes, name: str) -> Start:
    """Read the header of an image from the beginning of its file, compressed or not.

    Parameters
    ----------
    start : bytes
        Some kilobytes; header extensions are not read, so they may be of any length.
    name : str
        Begins every message.

    Raises
    ------
    SubjectError
        Errors that the header alone shows: no NIfTI, not one 3-D volume, missing or contradictory
        geometry.
    """
    header = read_header(_unpacked_start(start, name), name)
    shape = single_volume(header, name)
    pose = trusted_pose(header, shape, name)
    return Start(Grid(shape, pose.affine), pose.notes, bytes_promised(header))


def intercept(content: bytes, name: str) -> float:
    """Return the header's intercept (scl_inter); 0 where it is not set."""
    return float(read_header(_unpacked_start(content, name), name).get_slope_inter()[1] or 0.0)


def is_whole(begins: bytes, ends: bytes, size: int, start: Start) -> bool:
    """Return whether a file's size shows that it is complete.

    Parameters
    ----------
    begins, ends : bytes
        Its first bytes and its last four, which hold gzip's uncompressed size.
    size : int
        Of the file.
    start : Start
        What its beginning shows.

    Returns
    -------
    bool
        False where it is truncated, or where only decompression can tell.
    """
    if not gzipped.is_gzipped(begins):
        return size >= start.bytes_promised
    return int.from_bytes(ends, "little") == start.bytes_promised % _GZIP_COUNTS_TO


def require_whole(content: bytes, start: Start, name: str) -> None:
    """Refuse a truncated file.

    Raises
    ------
    SubjectError
        The gzip stream ends early, or the file is smaller than its header states.
    """
    _require_bytes(_unpacked(content, start.bytes_promised, name), start.bytes_promised, name)


def many_from_bytes(content: bytes, name: str) -> list[Volume]:
    """Read a 4-D NIfTI image as its volumes, float32.

    Raises
    ------
    SubjectError
        Unreadable, not 4-D, or no affine.
    """
    header = read_header(_unpacked_start(content, name), name)
    shape = header.get_data_shape()
    if len(shape) != 4 or min(shape) < 1:
        raise SubjectError(
            f"{name} has dimensions {' x '.join(map(str, shape))}; 4 are expected.", LEAVE_OUT
        )
    data = _read(_whole(content, header, name), header, name)
    affine = trusted_affine(header, data.shape[:3], name)
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


def _whole(content: bytes, header: Any, name: str) -> bytes:
    """Decompress an image; nibabel takes as much memory as a header promises before it reads."""
    promised = bytes_promised(header)
    raw = _unpacked(content, promised, name)
    _require_bytes(raw, promised, name)
    return raw


def _require_bytes(raw: bytes, promised: int, name: str) -> None:
    if len(raw) < promised:
        raise unreadable(name, f"it has {len(raw)} of {promised} bytes")


def _unpacked(content: bytes, promised: int, name: str) -> bytes:
    """Decompress gzip, whatever the file name, and twice where it was compressed twice.

    A file that unpacks to far more than its header promises is no image.
    """
    try:
        for _ in range(_MOST_LAYERS):
            content = gzipped.unzipped(content, promised + _SLACK_BYTES)
    except _BROKEN as error:
        raise unreadable(name, error) from error
    return content


def _unpacked_start(start: bytes, name: str) -> bytes:
    try:
        for _ in range(_MOST_LAYERS):
            start = gzipped.beginning(start, START_BYTES) if gzipped.is_gzipped(start) else start
    except zlib.error as error:
        raise unreadable(name, error) from error
    return start


def _read(raw: bytes, header: Any, name: str) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # what is too large is refused as not finite
            return np.asarray(ArrayProxy(io.BytesIO(raw), header), dtype=np.float32).copy()
    except _BROKEN as error:
        raise unreadable(name, error) from error


def _check_values(data: NDArray[np.float32], kind: Kind, name: str) -> None:
    finite = data[np.isfinite(data)]
    missing = 1.0 - finite.size / data.size
    if finite.size == 0 or (kind == "scan" and missing > 0):
        raise SubjectError(f"{name}: {missing:.2%} of the voxels are not finite.", LEAVE_OUT)
    if finite.min() == finite.max():
        raise SubjectError(f"{name}: every voxel is {finite[0]:g}.", LEAVE_OUT)
