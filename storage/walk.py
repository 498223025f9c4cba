"""Walk the files of a folder, following links to folders without cycles."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder, and every broken link.

    Parameters
    ----------
    folder : Path
        Yields nothing for a file or a missing folder; a broken link yields itself.

    Notes
    -----
    A link to a folder that is walked anyway, or to a parent, is not followed: its files would be
    listed twice.
    """
    if folder.is_dir():
        real = os.path.realpath(folder)
        yield from _below(folder, real, (real,))
    elif leads_nowhere(folder):
        yield folder


def leads_nowhere(path: Path) -> bool:
    """Return whether a path is a broken link."""
    return path.is_symlink() and not path.exists()


def away(path: Path) -> Path | None:
    """Return the broken link in a path; None if there is none."""
    return next((place for place in (path, *path.parents) if leads_nowhere(place)), None)


def _below(folder: Path, real: str, walked: tuple[str, ...]) -> Iterator[Path]:
    for entry in _entries(folder):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _below(path, f"{real}{os.sep}{entry.name}", walked)
        elif not (entry.is_symlink() and path.is_dir()):
            yield path
        else:
            target = os.path.realpath(path)
            if not any(_within(target, place) or _within(real, target) for place in walked):
                yield from _below(path, target, (*walked, target))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
