"""DICOM files without a preamble, as some scanners and planning systems write them."""

from __future__ import annotations

import re
import struct

_PREAMBLE = bytes(128) + b"DICM"
_META, _FIRST = 0x0002, 0x0008
_LAST_FIRST_ELEMENT = 0x0018
_IMPLICIT, _EXPLICIT = b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.1\0"
_VR = re.compile(rb"[A-Z]{2}")
_MOST_FIRST_BYTES = 1 << 12
_MOST_META_BYTES = 1024
_SYNTAX = re.compile(rb"\x02\x00\x10\x00UI..([0-9.]+)", re.DOTALL)
_PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
_NAMES = {
    "1.2.840.10008.1.2.1.99": "deflated",
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended",
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.5": "RLE",
}


def with_preamble(content: bytes) -> bytes | None:
    """Return a DICOM file with its preamble; None for a file that is not DICOM.

    Parameters
    ----------
    content : bytes
        The file, or its beginning.

    Notes
    -----
    A file that begins with a short element of group 2 or 8 is taken for little-endian DICOM;
    without group 2, a transfer syntax (explicit or implicit VR, as found) is prepended. Compressed
    pixels require group 2.
    """
    if content[128:132] == b"DICM":
        return content
    if len(content) < 8:
        return None
    group, element, size = struct.unpack("<HHI", content[:8])
    explicit = _VR.fullmatch(content[4:6]) is not None
    if element > _LAST_FIRST_ELEMENT or not (explicit or size < _MOST_FIRST_BYTES):
        return None
    if group == _META:
        return _PREAMBLE + content
    return _PREAMBLE + _meta(explicit) + content if group == _FIRST else None


def _meta(explicit: bool) -> bytes:
    uid = _EXPLICIT if explicit else _IMPLICIT
    syntax = struct.pack("<HH2sH", _META, 0x0010, b"UI", len(uid)) + uid
    return struct.pack("<HH2sHI", _META, 0x0000, b"UL", 4, len(syntax)) + syntax


def compression(content: bytes) -> str | None:
    """Return the compression of a file's pixels from its transfer syntax; None if uncompressed.

    Parameters
    ----------
    content : bytes
        The file, with its preamble.
    """
    found = _SYNTAX.search(content[: len(_PREAMBLE) + _MOST_META_BYTES])
    uid = found[1].rstrip(b"\0 ").decode() if found else ""
    return None if uid in _PLAIN or not uid else _NAMES.get(uid, uid)
