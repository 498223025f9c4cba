"""Check that the lake and the output folder are writable, without leaving files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.folders import Folder
from rt1t2_dask.storage.stores import Store, open_store


def place_faults(setting: str, url: str, options: dict[str, object]) -> list[str]:
    """List problems of writing to a location.

    Parameters
    ----------
    setting : str
        The setting, such as ``output_dir``.
    url : str
        Folder or bucket.
    options : dict
        Of the store.
    """
    try:
        store = open_store(url, options)
        if isinstance(store, Folder):
            return _folder_faults(setting, url)
        _probe(store)
    except (UserError, RunError) as error:
        return [f"{setting}={url}: {error}"]
    return []


def _folder_faults(setting: str, url: str) -> list[str]:
    place = _nearest(url)
    if not place.is_dir():
        return [f"{setting}={url}: {place} is a file; set it to a folder."]
    try:
        Path(tempfile.mkdtemp(dir=place)).rmdir()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return [f"{setting}={url}: {place} cannot be written ({why}); choose another folder."]
    return []


def free_gigabytes(url: str) -> float | None:
    """Return the free space of a local folder; None for a bucket."""
    if "://" in url and not url.startswith("file://"):
        return None
    return shutil.disk_usage(_nearest(url)).free / 1e9


def _nearest(url: str) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    path = Path(url.removeprefix("file://")).expanduser().absolute()
    return next(place for place in (path, *path.parents) if place.exists())


def _probe(store: Store) -> None:
    name = f"check-{uuid4().hex}"
    store.write(name, b"")
    store.delete(name)


def require_places(config: Config) -> None:
    """Refuse an output folder or a lake that cannot be written, before any work.

    Raises
    ------
    UserError
        One line for each.
    """
    options = config.storage.options()
    faults = place_faults("output_dir", config.output_dir, options)
    faults += place_faults("storage.url", config.storage.url, options)
    if faults:
        raise UserError("\n".join(faults))
