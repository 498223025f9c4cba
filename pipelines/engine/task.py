"""One part to make: the files and parts it reads, and what a stage sees of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.stores import open_store

S = TypeVar("S", bound=StageSettings)
_T = TypeVar("_T")
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


Parents = Mapping[str, Part | tuple[Part, ...]]
Files = Mapping[str, InputFile | tuple[InputFile, ...]]


@dataclass(frozen=True)
class Task:
    """One part to make: everything a worker needs, picklable.

    Parameters
    ----------
    stage : str
        Name of the stage.
    part : Part
        Where the result goes.
    settings : StageSettings
        The stage's own settings.
    parents : mapping of str to Part or tuple of Part
        The parts it reads, by role.
    files : mapping of str to InputFile or tuple of InputFile
        The files it reads, by role.
    assets : mapping of str to str
        The assets it reads and their checksums.
    shared : frozenset of str
        Roles whose images many parts read: a process keeps them.
    """

    stage: str
    part: Part
    settings: StageSettings
    parents: Parents
    files: Files
    assets: Mapping[str, str]
    shared: frozenset[str] = frozenset()

    @property
    def sources(self) -> tuple[Part, ...]:
        """Return every part it reads, once each."""
        return tuple(dict.fromkeys(p for own in self.parents.values() for p in as_tuple(own)))

    def settings_as(self, kind: type[S]) -> S:
        """Return the settings as the model that the stage declares."""
        if not isinstance(self.settings, kind):
            raise TypeError(f"stage {self.stage} has {type(self.settings).__name__}")
        return self.settings

    def each_file(self) -> Iterator[tuple[str, InputFile]]:
        """Return every file it reads, with its role."""
        return ((role, file) for role, own in self.files.items() for file in as_tuple(own))


def as_tuple(own: _T | tuple[_T, ...]) -> tuple[_T, ...]:
    """Return what stands under a role as a tuple, whether it is one or several."""
    return own if isinstance(own, tuple) else (own,)


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
    """What a stage may read while it makes a part.

    Where a role holds several parts, ``k`` says which, in the order of the task.
    """

    lake: Lake
    task: Task

    def settings_as(self, kind: type[S]) -> S:
        """Return the stage's own settings as the model that the stage declares."""
        return self.task.settings_as(kind)

    def parts(self, role: str) -> tuple[Part, ...]:
        """Return the earlier parts under a role; none where it is optional and not there."""
        return as_tuple(self.task.parents.get(role, ()))

    def file(self, role: str) -> InputFile | None:
        """Return the file under a role; None where there is none."""
        return next(iter(self.files(role)), None)

    def files(self, role: str) -> tuple[InputFile, ...]:
        """Return the files under a role."""
        return as_tuple(self.task.files.get(role, ()))

    def dataset(self, role: str, k: int = 0) -> xr.Dataset:
        """Open the arrays of an earlier part."""
        return self.lake.read(self.parts(role)[k])

    def volume(self, role: str, name: str, k: int = 0) -> Volume:
        """Read an image of an earlier part; one that many parts read, once a process."""
        if role in self.task.shared:
            return shared_volume(self.lake, self.parts(role)[k], name)
        return to_volume(self.dataset(role, k)[name])

    def optional_volume(self, role: str, name: str, k: int = 0) -> Volume | None:
        """Read an image of an earlier part, or None where it has none."""
        dataset = self.dataset(role, k)
        return to_volume(dataset[name]) if name in dataset else None

    def array(self, role: str, name: str, k: int = 0) -> NDArray[Any]:
        """Read an array of an earlier part."""
        return np.asarray(self.dataset(role, k)[name].to_numpy())

    def record(self, role: str, k: int = 0) -> Mapping[str, Any]:
        """Read the numbers an earlier part left."""
        return self.lake.record(self.parts(role)[k])

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
