"""Many people's parts as one array, without a copy: shard k of the array is person k's own."""

import json
import math
from asyncio import Lock, to_thread
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
from zarr.abc.store import ByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype
from zarr.storage import WrapperStore

from rt1t2_dask.errors import RunError
from rt1t2_dask.storage.keys import canonical, checksum
from rt1t2_dask.storage.parts import MARKER, Lake, Part
from rt1t2_dask.storage.sealed import DIFFERS, Compared, Seal, damaged, marker, seal
from rt1t2_dask.storage.shards import (
    PARTICIPANT,
    alike,
    chunks_end_in_crc,
    crc_fits,
    index_bytes,
    index_fits,
    inner_chunks,
    span_of,
    unsharded,
)

_METADATA = "zarr.json"
_GROUP = canonical({"zarr_format": 3, "node_type": "group", "attributes": {}})
_KEY_BYTES = 16
_KEPT_MARKERS = 4096
_SHARD = "/c/0/0/0"
_DASK_CHUNK_BYTES = 128 << 20
_WHOLE_BYTES = 64 << 20
_COMPARED = Compared()


@dataclass(frozen=True)
class Cohort:
    """Where everybody's volumes of one stage lie.

    Parameters
    ----------
    lake : Lake
    stage : str
    keys : bytes
        16 bytes a person, in order: the keys of their parts.
    """

    lake: Lake
    stage: str
    keys: bytes

    def __len__(self) -> int:
        return len(self.keys) // _KEY_BYTES

    def part(self, person: int) -> Part:
        """Return the part of a person, counted from 0."""
        start = _KEY_BYTES * person
        return Part(self.stage, self.keys[start : start + _KEY_BYTES].hex())


def cohort_of(lake: Lake, stage: str, keys: Sequence[str]) -> Cohort:
    """Return the cohort of these parts' keys, in hexadecimal digits."""
    return Cohort(lake, stage, b"".join(map(bytes.fromhex, keys)))


class CohortStore(WrapperStore[Store]):
    """A group of arrays (participant, ...) over the parts of a cohort, read-only.

    Shows the inner chunks of everybody's shards, which zarr reads at half the cost of shards. What
    is read is checked: a missing object that the person's marker lists is an error. A shard of at
    most 64 MB is read whole and compared with the marker's checksum when a process first needs it;
    of a larger one, and later, the index and every inner chunk are compared with checksums of their
    own, and the index with the shard's size in the marker. Each person's marker is read when the
    person is, never before.

    Parameters
    ----------
    cohort : Cohort
    examples : Mapping of str to int
        By name of each array, a person who has it: everybody's has that person's shape. A person
        without the array reads as its fill value.
    """

    def __init__(self, cohort: Cohort, examples: Mapping[str, int]) -> None:
        super().__init__(cohort.lake.store.zarr(f"parts/{cohort.stage}", read_only=True))
        self.cohort, self.examples = cohort, dict(examples)
        self._markers: dict[int, dict[str, Seal]] = {}
        self._indices: dict[tuple[int, str], bytes] = {}
        self._locks: dict[tuple[int, str], Lock] = {}
        self._inner: dict[str, tuple[int, ...]] = {}
        self._examples: dict[str, bytes] = {}
        self._sound: set[tuple[str, str]] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.cohort, self.examples)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CohortStore) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Any, ...]:
        own = self.cohort
        return own.lake.store.url, own.stage, own.keys, tuple(sorted(self.examples.items()))

    def _with_store(self, store: Store) -> Self:
        return type(self)(self.cohort, self.examples)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object; None only if it was never written."""
        name, _, inside = key.partition("/")
        if key == _METADATA:
            return prototype.buffer.from_bytes(_GROUP)
        if name not in self.examples:
            return None
        if inside == _METADATA:
            own = await self._example(name)
            return prototype.buffer.from_bytes(unsharded(own, len(self.cohort)))
        if not inside.startswith("c/"):
            return None
        person, *place = map(int, inside.removeprefix("c/").split("/"))
        return await self._chunk(person, name, tuple(place), prototype)

    async def _chunk(
        self, person: int, name: str, place: tuple[int, ...], prototype: BufferPrototype
    ) -> Buffer | None:
        """Read one inner chunk out of a person's shard."""
        seals = await self._seals(person)
        if name + _SHARD not in seals:
            return None
        inner = await self._inner_chunks(name)
        await self._refuse_other_grid(person, name)
        async with self._locks.setdefault((person, name), Lock()):
            index, shard = await self._index(person, name, math.prod(inner))
        span = span_of(index, int(np.ravel_multi_index(place, inner)))
        if span is None:
            return None
        read = shard[span.start : span.end] if shard else await self._read(person, name, span)
        if chunks_end_in_crc(await self._example(name)) and not crc_fits(read):
            raise damaged(self._where(person, name), DIFFERS)
        return prototype.buffer.from_bytes(read)

    async def _index(self, person: int, name: str, chunks: int) -> tuple[bytes, bytes]:
        """Return where the inner chunks of a person's shard are; the shard too, if it was read."""
        shard = b""
        if (person, name) not in self._indices:
            sealed = (await self._seals(person))[name + _SHARD]
            last, where = index_bytes(chunks), self._where(person, name)
            if sealed["bytes"] <= _WHOLE_BYTES and not _COMPARED.holds(where, sealed):
                shard = await self._read(person, name)
                if await to_thread(seal, shard) != sealed:
                    raise damaged(where, DIFFERS)
                _COMPARED.keep(where, sealed)
            index = shard[-last:] or await self._read(person, name, SuffixByteRequest(last))
            if not index_fits(index, sealed["bytes"]):
                raise damaged(where, DIFFERS)
            self._indices[person, name] = index
        return self._indices[person, name], shard

    async def _read(self, person: int, name: str, span: ByteRequest | None = None) -> bytes:
        path = f"{self.cohort.part(person).key}/{name}{_SHARD}"
        data = await self._store.get(path, default_buffer_prototype(), span)
        if data is None:
            raise damaged(self._where(person, name), "is missing")
        return data.to_bytes()

    def _where(self, person: int, name: str) -> str:
        return f"{self.cohort.lake.store.url}/{self.cohort.part(person).prefix}/{name}{_SHARD}"

    def _checked(self, data: Buffer | None, part: Part, path: str, sealed: Seal) -> Buffer:
        where = f"{self.cohort.lake.store.url}/{part.prefix}/{path}"
        if data is None:
            raise damaged(where, "is missing")
        if seal(data.to_bytes()) != sealed:
            raise damaged(where, DIFFERS)
        return data

    async def _inner_chunks(self, name: str) -> tuple[int, ...]:
        """Return how many inner chunks a shard has along each axis."""
        if name not in self._inner:
            self._inner[name] = inner_chunks(await self._example(name))
        return self._inner[name]

    async def _example(self, name: str) -> bytes:
        """Read the metadata of the array that everybody's are like."""
        if name not in self._examples:
            person = self.examples[name]
            self._examples[name] = await self._metadata(person, name)
            self._sound.add((name, (await self._seals(person))[f"{name}/{_METADATA}"]["sha256"]))
        return self._examples[name]

    async def _seals(self, person: int) -> dict[str, Seal]:
        """Read the checksums of a person's objects from the marker."""
        if person not in self._markers:
            if len(self._markers) >= _KEPT_MARKERS:
                self._markers.clear()
                self._indices.clear()
                self._locks.clear()
            part = self.cohort.part(person)
            data = await self._store.get(part.key + MARKER, default_buffer_prototype())
            if data is None:
                raise RunError(
                    f"{self.cohort.lake.store.url}/{part.prefix} is not complete: it was removed "
                    "from the lake. Run the study again."
                )
            where = f"{self.cohort.lake.store.url}/{part.marker}"
            self._markers[person] = self._own(marker(data.to_bytes(), where)["objects"])
        return self._markers[person]

    def _own(self, objects: Mapping[str, Seal]) -> dict[str, Seal]:
        return {path: s for path, s in objects.items() if path.partition("/")[0] in self.examples}

    async def _metadata(self, person: int, name: str) -> bytes:
        part, path = self.cohort.part(person), f"{name}/{_METADATA}"
        seals = await self._seals(person)
        if path not in seals:
            raise RunError(f"{self.cohort.lake.store.url}/{part.prefix} has no array {name}.")
        data = await self._store.get(f"{part.key}/{path}", default_buffer_prototype())
        return self._checked(data, part, path, seals[path]).to_bytes()

    async def _refuse_other_grid(self, person: int, name: str) -> None:
        """Compare a person's array with that of the example, once for all that are the same."""
        path, example = f"{name}/{_METADATA}", self.examples[name]
        own = (await self._seals(person))[path]
        if (name, own["sha256"]) in self._sound:
            return
        mine, first = await self._metadata(person, name), await self._example(name)
        if not alike(json.loads(mine), json.loads(first)):
            raise RunError(
                f"{self.cohort.lake.store.url}/{self.cohort.part(person).prefix}/{name} has "
                f"another grid than {self.cohort.part(example).prefix}; they are not one array."
            )
        self._sound.add((name, own["sha256"]))

    async def exists(self, key: str) -> bool:
        """Return whether metadata are there; of chunks only reading tells."""
        return key in {_METADATA, *(f"{name}/{_METADATA}" for name in self.examples)}

    async def list(self) -> AsyncIterator[str]:
        """Yield the metadata; chunks are found by reading."""
        yield _METADATA
        for name in self.examples:
            yield f"{name}/{_METADATA}"

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the metadata with this prefix."""
        async for path in self.list():
            if path.startswith(prefix):
                yield path

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names of arrays, or of an array's metadata."""
        inside = prefix.strip("/")
        for name in (_METADATA,) if inside else (_METADATA, *self.examples):
            yield name


def open_cohort(
    cohort: Cohort, examples: Mapping[str, int], people: int | None = None
) -> xr.Dataset:
    """Open everybody's volumes as one dataset, lazily.

    Parameters
    ----------
    cohort : Cohort
    examples : Mapping of str to int
        See `CohortStore`.
    people : int, optional
        People in a Dask chunk, which is one inner chunk of each; as many as make 128 MB where
        left out.

    Returns
    -------
    xarray.Dataset
        Variables (participant, ...), without coordinates.
    """
    store = CohortStore(cohort, examples)
    dataset: xr.Dataset = xr.open_zarr(store, consolidated=False, zarr_format=3, chunks=None)
    token = checksum(cohort.keys)
    edges = {dim: edge for name in dataset for dim, edge in _inner(dataset[name]).items()}
    whole = math.prod(edges[dim] for dim in edges if dim != PARTICIPANT)
    item = max(array.dtype.itemsize for array in dataset.values())
    run = people or max(1, _DASK_CHUNK_BYTES // (whole * item))
    return dataset.chunk(edges | {PARTICIPANT: min(run, len(cohort))}, token=token)


def _inner(array: xr.DataArray) -> dict[str, int]:
    """Return the inner chunk along each dimension."""
    return dict(zip(map(str, array.dims), array.encoding["chunks"], strict=True))
