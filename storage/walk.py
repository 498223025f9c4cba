"""Every file below a folder: links to folders are followed, round in circles they are not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder, and every link whose target is not there.

    Parameters
    ----------
    folder : Path
        Nothing comes of one that is absent or a file; of a link that leads nowhere it is itself
        all there is.

    Notes
    -----
    A link to a folder that is walked anyway, or that holds the walk, is not followed: its files
    would come twice.
    """
    if folder.is_dir():
        real = os.path.realpath(folder)
        yield from _below(folder, real, (real,))
    elif leads_nowhere(folder):
        yield folder


def leads_nowhere(path: Path) -> bool:
    """Say whether a path is a link whose target is not there."""
    return path.is_symlink() and not path.exists()


def away(path: Path) -> Path | None:
    """Return the link on the way to a path that leads nowhere, None where there is no such."""
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
