"""Temporary folders; what a killed process leaves in them goes with the next run on its machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rt1t2_dask.machine import has_ended, mark

PREFIX = "rt1t2-dask-"


@contextmanager
def scratch(kind: str) -> Iterator[Path]:
    """Make a folder that only this user can read, and remove it.

    Parameters
    ----------
    kind : str
        Whose it is, in its name, for whoever looks at a full disk.

    Yields
    ------
    Path
    """
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{kind}-{mark()}-") as name:
        yield Path(name)


def clear_abandoned() -> int:
    """Remove the folders of processes of this machine that were killed; return how many.

    They hold scans of people.
    """
    left = [p for p in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if has_ended(p.name)]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)
