"""Files of surfaces, gzip or not."""

from __future__ import annotations

import gzip


def unzipped(content: bytes) -> bytes:
    """Return a file's bytes without gzip, if it is packed.

    Raises
    ------
    OSError, EOFError, zlib.error
        It begins as gzip and is broken.
    """
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
