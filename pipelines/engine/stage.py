"""What a stage is: a name, what it reads, and a function that makes one part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.code import code_version
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.stores import open_store

SHARED = ("template", "head")
"""Stages whose images every person's parts read."""
_KEPT_IMAGES = 8  # four of the template, two of the head, two of the output grid


@dataclass(frozen=True)
class InputFile:
    """A file a part reads, known by what it holds.

    Parameters
    ----------
    root, path : str
        URL of the dataset and the file's path in it.
    sha256 : str
        Checksum of its bytes when the run was planned.
    options : mapping
        Non-secret options of the store.
    chosen : str
        Why it was this file; decides no result.
    members : tuple of str
        The paths of a DICOM series, which has no file of its own.
    slices : int
        How many slices such a series has.
    echo_ms : float, optional
        Which echo of it.
    passed_over : mapping of str to int
        What else lay in the person's folder, by kind; decides no result.
    acquired : mapping
        What a DICOM header says of scanner and sequence, by BIDS's names; decides no part.
    """

    root: str
    path: str
    sha256: str
    options: Mapping[str, Any] = field(default_factory=dict)
    chosen: str = ""
    members: tuple[str, ...] = ()
    slices: int = 0
    echo_ms: float | None = None
    passed_over: Mapping[str, int] = field(default_factory=dict)
    acquired: Mapping[str, str | float] = field(default_factory=dict)

    def read(self) -> bytes:
        """Read the bytes."""
        return open_store(self.root, self.options).read(self.path)

    def read_members(self) -> Iterator[bytes]:
        """Read the bytes of every file of a DICOM series."""
        store = open_store(self.root, self.options)
        return (store.read(path) for path in self.members)


@dataclass(frozen=True)
class Task:
    """One part to make: everything a worker needs, picklable.

    Parameters
    ----------
    stage : str
        Name of the stage.
    part : Part
        Where the result goes.
    settings : mapping
        The stage's own settings.
    parents : mapping of str to Part
        The parts it reads, by role.
    files : mapping of str to InputFile
        The files it reads, by role.
    assets : mapping of str to str
        The assets it reads and their checksums.
    """

    stage: str
    part: Part
    settings: Mapping[str, Any]
    parents: Mapping[str, Part]
    files: Mapping[str, InputFile]
    assets: Mapping[str, str]

    @property
    def sources(self) -> tuple[Part, ...]:
        """Return every part it reads, once each."""
        return tuple(dict.fromkeys(self.parents.values()))


def keys_by_stage(tasks: Iterable[Task]) -> dict[str, str | list[str]]:
    """Return the key of each stage's part; a list where it has several."""
    found: dict[str, list[str]] = {}
    for task in tasks:
        found.setdefault(task.stage, []).append(task.part.key)
    return {stage: keys[0] if len(keys) == 1 else keys for stage, keys in found.items()}


@dataclass(frozen=True)
class Made:
    """What a stage made: arrays, a few numbers, and files such as tables."""

    dataset: xr.Dataset
    record: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Inputs:
    """What a stage may read while it makes a part."""

    lake: Lake
    task: Task

    @property
    def settings(self) -> Mapping[str, Any]:
        """The stage's own settings."""
        return self.task.settings

    def dataset(self, role: str) -> xr.Dataset:
        """Open the arrays of an earlier part."""
        return self.lake.read(self.task.parents[role])

    def volume(self, role: str, name: str) -> Volume:
        """Read an image of an earlier part; one that everybody's parts read, once a process."""
        part = self.task.parents[role]
        if part.stage in SHARED:
            return shared_volume(self.lake, part, name)
        return to_volume(self.dataset(role)[name])

    def optional_volume(self, role: str, name: str) -> Volume | None:
        """Read an image of an earlier part, or None where it has none."""
        dataset = self.dataset(role)
        return to_volume(dataset[name]) if name in dataset else None

    def array(self, role: str, name: str) -> NDArray[Any]:
        """Read an array of an earlier part."""
        return np.asarray(self.dataset(role)[name].to_numpy())

    def record(self, role: str) -> Mapping[str, Any]:
        """Read the numbers an earlier part left."""
        return self.lake.record(self.task.parents[role])

    def asset(self, name: str) -> Volume:
        """Read an image of the registry."""
        return _asset_volume(name)


def shared_volume(lake: Lake, part: Part, name: str) -> Volume:
    """Read an image that everybody's parts read, once a process; it cannot be written to."""
    return _shared_volume(_Place(lake.store.url, lake), part, name)


@dataclass(frozen=True)
class _Place:
    url: str
    lake: Lake = field(compare=False)


@lru_cache(maxsize=_KEPT_IMAGES)
def _shared_volume(place: _Place, part: Part, name: str) -> Volume:
    image = to_volume(place.lake.read(part)[name])
    image.data.setflags(write=False)  # the next part reads the same memory
    return image


@cache
def _asset_volume(name: str) -> Volume:
    asset = assets.resolve(name)
    return from_bytes(assets.read(asset), asset.path.name)


@dataclass(frozen=True)
class Stage:
    """A step of the flow.

    Parameters
    ----------
    name : str
        Also the folder of its parts in the lake.
    make : callable
        Reads `Inputs`, gives `Made`.
    libraries : tuple of str
        Installed packages whose version decides the result.
    needs : tuple of str
        Earlier stages it reads.
    assets : tuple of str
        Assets it reads.
    gigabytes : float
        Peak memory of one part, where `pipelines.memory` foretells none.
    """

    name: str
    make: Callable[[Inputs], Made]
    libraries: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    gigabytes: float = 0.5

    def code_version(self) -> str:
        """Return a digest of the code and libraries that decide the result."""
        return code_version((self.make.__module__,), self.libraries)

    def task(
        self,
        settings: Mapping[str, Any],
        parents: Mapping[str, Part],
        files: Mapping[str, InputFile] | None = None,
        asset_names: tuple[str, ...] | None = None,
    ) -> Task:
        """Plan one part: its key follows from all that it reads."""
        files = files or {}
        found = {name: assets.resolve(name).sha256 for name in asset_names or self.assets}
        inputs = {f"part:{role}": parent.key for role, parent in parents.items()}
        inputs |= {f"file:{role}": file.sha256 for role, file in files.items()}
        inputs |= {f"asset:{name}": sha256 for name, sha256 in found.items()}
        key = part_key(self.name, self.code_version(), settings, inputs)
        return Task(self.name, Part(self.name, key), settings, parents, files, found)
