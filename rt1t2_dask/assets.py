"""The registry of atlases, templates and maps: locations and licences.

The files are third-party and not part of this package. A file is searched, in order, at an explicit
path, in the folders of ``RT1T2_ASSETS``, in installed packages, in the user's cache folder, and, of
fsLR, in TemplateFlow's home.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files as package_files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from rt1t2_dask.errors import MissingAssetError

_SUBFOLDERS = ("", "atlas", "template", "pet", "genes", "tpl-MNI152NLin2009cAsym",
               "tpl-fsLR")  # fmt: skip
_PET = "pet:"
_FSLR = "tpl-fsLR"
_PLACES = ("RT1T2_ASSETS", "TEMPLATEFLOW_HOME", "XDG_CACHE_HOME", "HOME")
# Cache of asset locations by environment: a plan resolves them once per person.
_known: dict[tuple[str | None, ...], Path] = {}


@dataclass(frozen=True)
class Asset:
    """A file, with its name, licence and citation for the report.

    Parameters
    ----------
    path : Path
    name, licence, citation : str
    sha256 : str
        Checksum of the file, in hex.
    """

    path: Path
    name: str
    licence: str
    citation: str
    sha256: str


@dataclass(frozen=True)
class _Entry:
    name: str
    files: tuple[str, ...]
    licence: str
    citation: str
    home: str
    package: tuple[str, ...] = ()


def resolve(name: str, explicit: str | Path | None = None) -> Asset:
    """Find an asset, or raise an error with its source.

    Parameters
    ----------
    name : str
        As in `listing`; PET maps are ``pet:<file stem>``.
    explicit : str or Path, optional
        The user's own file, with precedence.

    Raises
    ------
    MissingAssetError
        The name is unknown, the explicit file does not exist, or nothing was found.
    """
    entry = _entry(name)
    if explicit is not None:
        path = Path(explicit).expanduser()
        if not path.is_file():
            raise MissingAssetError(f"{name}: {path} is not a file.")
        return _asset(replace(entry, licence="the user's", citation="the user's"), path)
    found = find(name)
    if found is None:
        raise MissingAssetError(
            f"{name} was not found. Put {entry.files[0]} into a folder of RT1T2_ASSETS or into "
            f"{_cache_folder()}.\nSource: {entry.home}. Licence: {entry.licence}."
        )
    return found


def find(name: str) -> Asset | None:
    """Return the asset if found, else None (`MissingAssetError` if unknown)."""
    entry = _entry(name)
    place = (name, *map(os.environ.get, _PLACES))
    known = _known.get(place)
    if known is not None and known.is_file():
        return _asset(entry, known)
    for candidate in _candidates(entry):
        if candidate.is_file():
            _known[place] = candidate
            return _asset(entry, candidate)
    return None


def listing() -> pd.DataFrame:
    """List every known asset: name, found, path, licence, citation."""
    rows = []
    for name in [*_catalogue(), *(_PET + stem for stem in _pet_sources())]:
        entry, asset = _entry(name), find(name)
        rows.append(
            {
                "name": name,
                "found": asset is not None,
                "path": str(asset.path) if asset else "",
                "licence": entry.licence,
                "citation": entry.citation,
            }
        )
    return pd.DataFrame(rows)


def read(asset: Asset) -> bytes:
    """Read the asset's bytes."""
    return asset.path.read_bytes()


def _entry(name: str) -> _Entry:
    if name.startswith(_PET):
        return _pet_entry(name.removeprefix(_PET))
    known = _catalogue()
    if name not in known:
        raise MissingAssetError(
            f"There is no asset {name!r}; known: {', '.join(known)}, pet:<map>."
        )
    return known[name]


def _pet_entry(stem: str) -> _Entry:
    source = _pet_sources().get(stem, {})
    return _Entry(
        name=_PET + stem,
        files=(f"{stem}.nii.gz", f"{stem}.nii"),
        licence=source.get("licence", "that of its source"),
        citation=source.get("citation", "that of its source"),
        home="JuSpace 1.5, folder PETatlas (github.com/juryxy/JuSpace)",
    )


@cache
def _catalogue() -> dict[str, _Entry]:
    raw = _package_json("assets.json")
    return {
        name: _Entry(
            name=name,
            files=tuple(item["files"]),
            licence=item["licence"],
            citation=item["citation"],
            home=item["home"],
            package=tuple(item.get("package", ())),
        )
        for name, item in raw.items()
    }


@cache
def _pet_sources() -> dict[str, dict[str, Any]]:
    return {item["map"]: item for item in _package_json("pet_sources.json")["maps"]}


def _package_json(name: str) -> dict[str, Any]:
    text = package_files("rt1t2_dask").joinpath("data", name).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def _candidates(entry: _Entry) -> list[Path]:
    folders = [folder / sub for folder in _asset_folders() for sub in _SUBFOLDERS]
    brought = [folder / name for folder in folders for name in entry.files]
    cached = [_cache_folder() / name for name in entry.files]
    flow = [templateflow_home() / _FSLR / n for n in entry.files if n.startswith(_FSLR)]
    return [*brought, *_installed(entry.package), *cached, *flow]


def _asset_folders() -> list[Path]:
    value = os.environ.get("RT1T2_ASSETS", "")
    return [Path(part).expanduser() for part in value.split(os.pathsep) if part]


def _installed(package: tuple[str, ...]) -> list[Path]:
    """Locate a package's data file without importing the package."""
    if not package:
        return []
    spec = find_spec(package[0])
    locations = spec.submodule_search_locations if spec else None
    return [Path(folder) / package[1] for folder in locations or ()]


def templateflow_home() -> Path:
    """Return the folder in which TemplateFlow keeps templates: ``TEMPLATEFLOW_HOME``."""
    own = os.environ.get("TEMPLATEFLOW_HOME")
    return Path(own).expanduser() if own else Path.home() / ".cache" / "templateflow"


def file_name(name: str) -> str:
    """Return the file name under which an asset is looked for first."""
    return _entry(name).files[0]


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "rt1t2_dask"


def _asset(entry: _Entry, path: Path) -> Asset:
    stat = path.stat()
    return _read_asset(entry, path, stat.st_mtime_ns, stat.st_size)


@cache
def _read_asset(entry: _Entry, path: Path, mtime_ns: int, size: int) -> Asset:
    """Compute the checksum once per version of a file: the cache's key has its time and size."""
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    return Asset(path.resolve(), entry.name, entry.licence, entry.citation, checksum)
