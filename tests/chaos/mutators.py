"""Seeded ways to spoil bytes, whatever they hold."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

Rng = np.random.Generator
Mutator = Callable[[bytes, Rng], bytes]

INTEGERS = (0, 1, -1, 2, 7, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1)
FLOATS = (0.0, -0.0, 1e-45, 1e38, -1e38, float("nan"), float("inf"), float("-inf"), 0.5, 3e9)
FORMATS = ("<h", ">h", "<i", ">i", "<q", ">q", "<f", ">f", "<d", ">d", "B")
_MEMBER_BYTES = 1 << 26


def flip(content: bytes, rng: Rng) -> bytes:
    """Flip one to eight bits."""
    data = bytearray(content)
    for place in rng.integers(0, max(1, len(data)), rng.integers(1, 9)) if data else ():
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def cut(content: bytes, rng: Rng) -> bytes:
    """Keep the beginning."""
    return content[: int(rng.integers(0, max(1, len(content))))]


def cut_before(content: bytes, rng: Rng) -> bytes:
    """Keep the end."""
    return content[int(rng.integers(1, max(2, len(content)))) :]


def zeroed(content: bytes, rng: Rng) -> bytes:
    """Blank a span, as a disk does that lost a block."""
    start, stop = sorted(int(k) for k in rng.integers(0, len(content) + 1, 2))
    return content[:start] + bytes(stop - start) + content[stop:]


def repeated(content: bytes, rng: Rng) -> bytes:
    """Write a span twice."""
    start, stop = sorted(int(k) for k in rng.integers(0, len(content) + 1, 2))
    return content[:stop] + content[start:stop] + content[stop:]


def dropped(content: bytes, rng: Rng) -> bytes:
    """Leave a short span out."""
    start = int(rng.integers(0, max(1, len(content))))
    return content[:start] + content[start + int(rng.integers(1, 64)) :]


def noise_in(content: bytes, rng: Rng) -> bytes:
    """Put random bytes in."""
    place = int(rng.integers(0, len(content) + 1))
    return content[:place] + rng.bytes(int(rng.integers(1, 200))) + content[place:]


def noise_over(content: bytes, rng: Rng) -> bytes:
    """Write random bytes over a span."""
    place, size = int(rng.integers(0, len(content) + 1)), int(rng.integers(1, 64))
    return content[:place] + rng.bytes(size) + content[place + size :]


def hostile_number(content: bytes, rng: Rng) -> bytes:
    """Write an extreme number somewhere, in the first bytes half of the time."""
    form = FORMATS[rng.integers(len(FORMATS))]
    size = struct.calcsize(form)
    reach = min(len(content), 512) if rng.random() < 0.5 else len(content)
    place = int(rng.integers(0, max(1, reach - size + 1)))
    return content[:place] + packed_number(form, rng) + content[place + size :]


def packed_number(form: str, rng: Rng) -> bytes:
    """Return an extreme number in one of `struct`'s formats."""
    if form[-1] in "fd":
        return struct.pack(form, FLOATS[rng.integers(len(FLOATS))])
    bits = 8 * struct.calcsize(form)
    value = INTEGERS[rng.integers(len(INTEGERS))] % (1 << bits)
    return value.to_bytes(bits // 8, "big" if form[0] == ">" else "little")


PLAIN: Sequence[Mutator] = (
    *(flip, cut, cut_before, zeroed, repeated, dropped, noise_in, noise_over),
    hostile_number,
)


def spoilt(content: bytes, rng: Rng) -> bytes:
    """Spoil bytes in one to three ways."""
    for _ in range(int(rng.integers(1, 4))):
        content = PLAIN[rng.integers(len(PLAIN))](content, rng)
    return content


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


def in_members(content: bytes, rng: Rng) -> bytes:
    """Compress in several gzip members, as bgzip and pigz do."""
    place = int(rng.integers(0, len(content) + 1))
    return gzipped(content[:place]) + gzipped(content[place:])


@cache
def _member_of_zeros() -> bytes:
    return gzip.compress(bytes(_MEMBER_BYTES), 9, mtime=0)


def bomb(content: bytes, rng: Rng) -> bytes:
    """Compress so that gigabytes of zeros follow; a few megabytes as a file."""
    return gzipped(content) + _member_of_zeros() * int(rng.integers(32, 64))


def deflated_bomb() -> bytes:
    """Return zlib's form of two gigabytes of zeros."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"\0") + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 26)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + again * 32
