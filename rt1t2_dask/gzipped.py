"""Unpack gzip to a size known beforehand: a few megabytes can hold hundreds of gigabytes."""

from __future__ import annotations

import zlib

MAGIC = b"\x1f\x8b"
_SLICE = 1 << 20


def is_gzipped(content: bytes) -> bool:
    """Return whether a file begins as gzip."""
    return content[:2] == MAGIC


def unzipped(content: bytes, most: int) -> bytes:
    """Return a file's bytes without gzip, all its members; as they are where it is not packed.

    Parameters
    ----------
    content : bytes
    most : int
        Bytes that it may unpack to.

    Raises
    ------
    EOFError
        It ends early.
    OSError
        It unpacks to more, or other bytes follow its end.
    zlib.error
        It is damaged: a stream or a checksum is wrong.
    """
    if not is_gzipped(content):
        return content
    pieces: list[bytes] = []
    at, room = 0, most
    while at < len(content):
        if content[at : at + 2] != MAGIC:
            if content[at:].strip(b"\0"):
                raise OSError("bytes that are not gzip follow its end")
            break
        at, room = _member(content, at, room, pieces)
        if room < 0:
            raise OSError(f"it unpacks to more than {most} bytes")
    return b"".join(pieces)


def _member(content: bytes, at: int, room: int, pieces: list[bytes]) -> tuple[int, int]:
    """Unpack a member; return where it ends, and how much room is left: below 0 for none."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while not member.eof:
        piece = content[at : at + _SLICE]
        if not piece:
            raise EOFError("compressed file ended before the end-of-stream marker was reached")
        pieces.append(member.decompress(piece, room + 1))
        room -= len(pieces[-1])
        if room < 0:
            break
        at += len(piece) - len(member.unused_data)
    return at, room


def beginning(content: bytes, size: int) -> bytes:
    """Return at most the first `size` unpacked bytes of a file, or of the beginning of one.

    Raises
    ------
    zlib.error
        It is damaged.
    """
    found = b""
    while is_gzipped(content) and len(found) < size:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        found += member.decompress(content, size - len(found))
        content = member.unused_data
    return found
