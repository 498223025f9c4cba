"""Files of surfaces, gzip or not."""

from __future__ import annotations

from rt1t2_dask import gzipped

# A surface of fsaverage is 8 MB, a dense map of 91,000 vertices 0.4 MB.
MOST_BYTES = 1 << 28


def unzipped(content: bytes) -> bytes:
    """Return a file's bytes without gzip, if it is packed.

    Raises
    ------
    OSError, EOFError, zlib.error
        It begins as gzip and is broken, or unpacks to more than `MOST_BYTES`.
    """
    return gzipped.unzipped(content, MOST_BYTES)
