"""Where a path that a person wrote leads: inside a dataset, elsewhere on disk or in a bucket."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from rt1t2_dask.errors import UserError
from rt1t2_dask.storage.stores import Store


def located(root: str, path: str) -> tuple[str, str]:
    """Split a path into the store it lies in and its name there.

    Parameters
    ----------
    root : str
        URL or folder of the dataset that a relative path starts from.
    path : str
        Relative, absolute (``~`` too) or a URL.

    Raises
    ------
    UserError
        A relative path that leads out of a bucket's dataset.
    """
    if "://" in path:
        folder, _, name = path.rpartition("/")
        return folder, name
    inside = PurePosixPath(path)
    if not path.startswith(("/", "~")) and ".." not in inside.parts:
        return root, path
    if "://" in root:
        raise UserError(f"{path} leads out of source.root={root}; write its whole URL.")
    whole = Path(root).expanduser() / Path(path).expanduser()
    return str(whole.parent.resolve()), whole.name


def variants(path: str) -> tuple[str, ...]:
    """Return the path and the same with gzip's suffix added or taken away."""
    other = path.removesuffix(".gz") if path.endswith(".gz") else f"{path}.gz"
    return path, other


def for_person(pattern: str, label: str) -> str:
    """Put a person's label into a path: ``{label}`` is ``sub-01``, ``{id}`` is ``01``."""
    return pattern.replace("{label}", label).replace("{id}", label.removeprefix("sub-"))


def joined(root: str, path: str) -> str:
    """Return the whole path of a file of a dataset: absolute, or a URL."""
    if "://" in root:
        return f"{root.rstrip('/')}/{path}"
    return str(Path(root).expanduser().resolve() / path)


def people_folders(store: Store) -> list[str]:
    """Return the labels of all folders `sub-*`, sorted; reports and archives beside are none."""
    names = (name for name in store.children() if name.startswith("sub-"))
    return sorted(name[:-1] for name in names if name.endswith("/"))
