"""One dataset of a whole cohort, which any reader of zarr opens by its URL alone."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import xarray as xr
from zarr.core.buffer import Buffer
from zarr.storage import MemoryStore

from rt1t2_dask.errors import UserError
from rt1t2_dask.storage.arrays import consolidated, plain_attributes, to_objects
from rt1t2_dask.storage.cohort import Cohort
from rt1t2_dask.storage.keys import canonical, checksum, digest
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.shards import stacked
from rt1t2_dask.storage.stores import Store

PLAN = "plan"
_METADATA = "zarr.json"
_BEGUN = ".begun"
_THREADS = 8
_NOBODY = bytes(16).hex()


@dataclass(frozen=True)
class Layer:
    """One variable (participant, z, y, x) of the dataset, a shard a person.

    Parameters
    ----------
    array : str
        Its name in the parts.
    cohort : Cohort
        Everybody's parts, in the order of the dataset; a key of zeros where there is none.
    example : int
        Somebody who has the array.
    factors : tuple of float, optional
        What everybody's values are multiplied by; empty for none.
    """

    array: str
    cohort: Cohort
    example: int
    factors: tuple[float, ...] = ()

    @property
    def lake(self) -> Lake:
        """Return where the parts are."""
        return self.cohort.lake

    def metadata(self) -> bytes:
        """Return the metadata of the stack."""
        part = self.cohort.part(self.example)
        return stacked(self.lake.object(part, f"{self.array}/{_METADATA}"), len(self.cohort))

    def shards(self, person: int) -> dict[str, bytes]:
        """Return a person's shards by their place in the volume; none where none was written."""
        part, factor = self.cohort.part(person), self.factors[person] if self.factors else 1.0
        start = f"{self.array}/c/"
        if part.key == _NOBODY:
            return {}
        if factor != 1.0:
            objects = to_objects(self._scaled(part, factor))
            return {p.removeprefix(start): d for p, d in objects.items() if p.startswith(start)}
        places = [path for path in self.lake.objects(part) if path.startswith(start)]
        return {path.removeprefix(start): self.lake.object(part, path) for path in places}

    def _scaled(self, part: Part, factor: float) -> xr.Dataset:
        array = self.lake.read(part)[self.array].load()
        array.data *= array.dtype.type(factor)
        return array.drop_vars(list(array.coords)).to_dataset(name=self.array)


@dataclass(frozen=True)
class Publication:
    """What is published as one dataset.

    Parameters
    ----------
    dataset : xarray.Dataset
        Coordinates, attributes, and every variable; of those in `layers` only shape, type and
        attributes are looked at. Text is of object type.
    layers : mapping of str to Layer
        The large variables, by name.
    groups : mapping of str to xarray.Dataset
        Further datasets by their path in the first.
    """

    dataset: xr.Dataset
    layers: Mapping[str, Layer]
    groups: Mapping[str, xr.Dataset] = field(default_factory=dict)


def publish_dataset(target: Store, folder: str, asked: Publication) -> int:
    """Write a dataset; its root, which makes it one, comes last.

    A dataset of other content in the same folder is removed first, and cannot be opened from then
    on; what an interrupted call wrote of the same content is kept, but for unfinished files.

    Parameters
    ----------
    target : Store
    folder : str
        In the store.
    asked : Publication

    Returns
    -------
    int
        Shards written now.

    Raises
    ------
    UserError
        The folder holds something else; it is left as it is.
    """
    started = time.time()
    root, objects = _objects(asked)
    shards = 0
    if _content(target, f"{folder}/{_METADATA}") != root:
        _make_room(target, folder, root)
        shards = sum(_copy(target, f"{folder}/{name}", one) for name, one in asked.layers.items())
        for path in sorted(objects, key=_metadata_last):
            target.write(f"{folder}/{path}", objects[path])
        target.write(f"{folder}/{_METADATA}", root)
        target.delete_abandoned(time.time() - started, folder)
    target.delete(folder + _BEGUN)
    return shards


def refuse_foreign(target: Store, folder: str) -> None:
    """Raise UserError where a folder holds anything but a dataset that was published."""
    if not target.children(folder) or target.exists(folder + _BEGUN):
        return
    try:
        root = json.loads(target.read(f"{folder}/{_METADATA}"))
        ours = isinstance(root["attributes"][PLAN], str)
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        ours = False
    if not ours:
        raise UserError(
            f"to={target.url}: {folder} lies there and was not published by lake=publish. Choose "
            "another place with to=, or move that away."
        )


def _make_room(target: Store, folder: str, root: bytes) -> None:
    """Remove what is not of this dataset; all the while a mark says that the folder is ours."""
    refuse_foreign(target, folder)
    begun = folder + _BEGUN
    if _content(target, begun) != root:
        target.write(begun, b"")
        target.delete(f"{folder}/{_METADATA}")
        target.delete_prefix(folder)
        target.write(begun, root)
    target.delete(f"{folder}/{_METADATA}")


def _content(store: Store, path: str) -> bytes | None:
    try:
        return store.read(path)
    except FileNotFoundError:
        return None


def _metadata_last(path: str) -> tuple[bool, int, str]:
    """Sort arrays' chunks before what describes them, and groups after what they hold."""
    return path.endswith(_METADATA), -path.count("/"), path


def _objects(asked: Publication) -> tuple[bytes, dict[str, bytes]]:
    """Return the root's metadata, and every object but the root and the shards."""
    own = _skeleton(asked)
    layers = {f"{name}/{_METADATA}": one.metadata() for name, one in asked.layers.items()}
    own |= {path: _with_attributes(made, own[path]) for path, made in layers.items()}
    groups: dict[str, bytes] = {}
    for path, dataset in asked.groups.items():
        own |= _parents(path)
        group = to_objects(dataset)
        own |= {f"{path}/{name}": data for name, data in group.items()}
        groups |= {f"{path}/{_METADATA}": consolidated(group)[_METADATA]}
    about = [[one.cohort.keys.hex(), list(one.factors)] for one in asked.layers.values()]
    plan = digest([{path: checksum(data) for path, data in own.items()}, about])
    own[_METADATA] = _with_attributes(own[_METADATA], own[_METADATA], {PLAN: plan})
    root = consolidated(own)[_METADATA]
    del own[_METADATA]
    return root, own | groups


def _skeleton(asked: Publication) -> dict[str, bytes]:
    """Serialise the dataset without the volumes of its layers."""
    held: dict[str, Buffer] = {}
    store = MemoryStore(held)
    tidy = plain_attributes(asked.dataset.drop_encoding())
    tidy.to_zarr(store, mode="w", zarr_format=3, consolidated=False, compute=False)
    return {path: held[path].to_bytes() for path in sorted(held)}


def _with_attributes(array: bytes, written: bytes, more: Mapping[str, Any] | None = None) -> bytes:
    attributes = json.loads(written)["attributes"] | dict(more or {})
    return canonical(json.loads(array) | {"attributes": attributes})


def _parents(path: str) -> dict[str, bytes]:
    """Return the groups that a path lies in."""
    steps = path.split("/")[:-1]
    empty = canonical({"zarr_format": 3, "node_type": "group", "attributes": {}})
    return {"/".join([*steps[: k + 1], _METADATA]): empty for k in range(len(steps))}


def _copy(target: Store, folder: str, layer: Layer) -> int:
    """Copy everybody's shards that are not there; return how many."""
    copy = partial(_copy_person, target, folder, layer)
    with ThreadPoolExecutor(_THREADS) as threads:
        return sum(threads.map(copy, range(len(layer.cohort))))


def _copy_person(target: Store, folder: str, layer: Layer, person: int) -> int:
    start = f"{folder}/c/{person}"
    written = 0
    if target.exists(f"{start}/0/0/0"):  # a volume is one shard, written at once or not at all
        return written
    for place, data in layer.shards(person).items():
        target.write(f"{start}/{place}", data)
        written += 1
    return written
