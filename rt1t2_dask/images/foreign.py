"""Recognise files that are not single-file NIfTI images, and say how to convert them."""

from __future__ import annotations

import struct

from rt1t2_dask.errors import SubjectError

_POINTERS = {
    b"/annex/objects/": "git-annex",
    b".git/annex/objects": "git-annex",
    b"version https://git-lfs": "Git LFS",
}
_FETCHES = {"git-annex": "datalad get", "Git LFS": "git lfs pull"}
_ARCHIVES = {
    b"PK\x03\x04": "in a zip archive",
    b"7z\xbc\xaf": "in a 7z archive",
    b"Rar!": "in a rar archive",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ\x00": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
}
_FORMATS = {
    b"\x89HDF\r\n": "an HDF5 file (MINC 2, ITK transform)",
    b"CDF\x01": "a MINC 1 image",
    b"NRRD": "an NRRD image",
    b"ObjectType": "a MetaImage",
    b"\x00\x00\x00\x01\x00": "a FreeSurfer image (MGH)",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
}
_MAGIC = {348: slice(344, 348), 540: slice(4, 8)}
_PAIR = (b"ni1\x00", b"ni2\x00")
_POINTER_BYTES = 1024
_CONVERT = (
    "Convert it to NIfTI in one file (nib-convert reads FreeSurfer's, MINC and .hdr with .img)"
)


def refuse_foreign(raw: bytes, name: str) -> None:
    """Refuse a file that is not a single-file NIfTI image.

    Parameters
    ----------
    raw : bytes
        Its first bytes, decompressed.
    name : str
        Begins the message.

    Raises
    ------
    SubjectError
        Names the format and the remedy; nothing where it may be NIfTI, damaged or not.
    """
    found = _nothing(raw) or _pointer(raw) or _archive(raw) or _format(raw) or _pair(raw)
    _refuse(found, f"{name}: not a readable NIfTI image")


def refuse_absent(raw: bytes, name: str) -> None:
    """Refuse a file that is empty, or a pointer to content that was not fetched.

    Raises
    ------
    SubjectError
    """
    _refuse(_nothing(raw) or _pointer(raw), f"{name} cannot be read")


def how_to_fetch(raw: bytes) -> str | None:
    """Return the command that fetches a pointer's content; None for a file that is no pointer."""
    return _FETCHES.get(_pointer_of(raw) or "")


def _refuse(found: tuple[str, str] | None, text: str) -> None:
    if found:
        raise SubjectError(
            f"{text}: {found[0]}.",
            f"{found[1]}, or leave the subject out with cohort.exclude.",
        )


def archive_kind(content: bytes) -> str | None:
    """Return the archive format of a file; None where it is not packed."""
    if content.startswith(b"\x1f\x8b"):
        return "packed by gzip"
    return next((kind for mark, kind in _ARCHIVES.items() if content.startswith(mark)), None)


def _nothing(raw: bytes) -> tuple[str, str] | None:
    if not raw:
        return "the file is empty (0 bytes)", "Copy it again"
    if not any(raw[:_POINTER_BYTES]):
        return f"its first {min(len(raw), _POINTER_BYTES)} bytes are 0", "Copy it again"
    return None


def _pointer(raw: bytes) -> tuple[str, str] | None:
    how = how_to_fetch(raw)
    if how is not None:
        text = f"it is a pointer of {_pointer_of(raw)}; its content was not fetched"
        return text, f"Fetch it: {how}"
    if raw[:_POINTER_BYTES].lstrip()[:1] == b"<":
        return "it is a web page", "Download the file itself"
    return None


def _pointer_of(raw: bytes) -> str | None:
    start = raw[:_POINTER_BYTES]
    if not start.startswith((b".", b"/", b"version ")):
        return None
    return next((program for mark, program in _POINTERS.items() if mark in start), None)


def _archive(raw: bytes) -> tuple[str, str] | None:
    kind = archive_kind(raw)
    return (f"it is {kind}", "Unpack it; only gzip compression is read") if kind else None


def _format(raw: bytes) -> tuple[str, str] | None:
    if raw[128:132] == b"DICM":
        return "it is a DICOM file", "Convert the series with dcm2niix, or use source=dicom"
    for mark, kind in _FORMATS.items():
        if raw.startswith(mark):
            return f"it is {kind}", _CONVERT
    return None


def _pair(raw: bytes) -> tuple[str, str] | None:
    """Recognise two-file NIfTI headers, and ANALYZE, which does not store orientation."""
    sizes = [_MAGIC.get(*struct.unpack(order, raw[:4])) for order in ("<i", ">i") if len(raw) > 4]
    where = next((place for place in sizes if place), None)
    if where is None or len(raw) < where.stop:
        return None
    if raw[where] in _PAIR:
        return "it is the header of an image in two files (.hdr and .img)", _CONVERT
    if raw[where] == bytes(4):
        return (
            "it is an ANALYZE header, so left and right are unknown",
            "Convert it from DICOM again",
        )
    return None
