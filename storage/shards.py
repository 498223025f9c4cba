"""Metadata of one volume, a shard, as those of a stack of everybody's; places within a shard."""

import json
import math
from functools import lru_cache
from struct import Struct
from typing import Any

import google_crc32c
import numpy as np
from zarr.abc.store import RangeByteRequest

from rt1t2_dask.errors import RunError
from rt1t2_dask.storage.keys import canonical

PARTICIPANT = "participant"
_ROUNDING = 0.01
_ENTRY, _EMPTY, _CRC_BYTES = Struct("<QQ"), (1 << 64) - 1, 4


def stacked(array: bytes, people: int) -> bytes:
    """Return the metadata of one volume as those of a stack, a person a shard.

    The bytes of a shard are the same for (z, y, x) and for (1, z, y, x).

    Raises
    ------
    RunError
        The array is not stored as one shard.
    """
    meta, shard = _sharded(array)
    shard["chunk_shape"] = [1, *shard["chunk_shape"]]
    return _with_people(meta, people)


def unsharded(array: bytes, people: int) -> bytes:
    """Return the metadata of one volume as those of a stack in its inner chunks.

    Raises
    ------
    RunError
        The array is not stored as one shard.
    """
    meta, shard = _sharded(array)
    meta["chunk_grid"]["configuration"]["chunk_shape"] = shard["chunk_shape"]
    return _with_people(meta | {"codecs": shard["codecs"]}, people)


def inner_chunks(array: bytes) -> tuple[int, ...]:
    """Return how many inner chunks the shard of an array has along each axis."""
    meta, shard = _sharded(array)
    whole = meta["chunk_grid"]["configuration"]["chunk_shape"]
    return tuple(size // edge for size, edge in zip(whole, shard["chunk_shape"], strict=True))


def _sharded(array: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metadata of an array of one shard, and within them those of the shard."""
    meta: dict[str, Any] = json.loads(array)
    whole = meta["chunk_grid"]["configuration"]["chunk_shape"]
    one = all(size <= edge for size, edge in zip(meta["shape"], whole, strict=True))
    if not one or [codec["name"] for codec in meta["codecs"]] != ["sharding_indexed"]:
        raise RunError("only arrays of one shard a volume can be stacked")
    return meta, meta["codecs"][0]["configuration"]


def _with_people(meta: dict[str, Any], people: int) -> bytes:
    grid = meta["chunk_grid"]["configuration"]
    grid["chunk_shape"] = [1, *grid["chunk_shape"]]
    names = [PARTICIPANT, *meta["dimension_names"]]
    return canonical(meta | {"shape": [people, *meta["shape"]], "dimension_names": names})


def index_bytes(chunks: int) -> int:
    """Return the size of a shard's index: offset and length of each chunk, and a checksum."""
    return _ENTRY.size * chunks + _CRC_BYTES


def span_of(index: bytes, chunk: int) -> RangeByteRequest | None:
    """Return where a chunk is; None if it was never written."""
    offset, length = _ENTRY.unpack_from(index, _ENTRY.size * chunk)
    return None if offset == _EMPTY else RangeByteRequest(offset, offset + length)


def crc_fits(data: bytes) -> bool:
    """Return whether bytes end in the CRC32C of those before it, as an index and chunks do."""
    end = len(data) - _CRC_BYTES
    return bool(google_crc32c.value(data[:end]) == int.from_bytes(data[end:], "little"))


def index_fits(index: bytes, size: int) -> bool:
    """Return whether an index is whole, and of a shard of this size: chunks, then the index."""
    if not crc_fits(index):
        return False
    entries = np.frombuffer(index[:-_CRC_BYTES], "<u8").reshape(-1, 2)
    written = entries[entries[:, 0] != _EMPTY]
    return int(written.sum(axis=1).max(initial=0)) + len(index) == size


@lru_cache(maxsize=64)
def chunks_end_in_crc(array: bytes) -> bool:
    """Return whether each inner chunk of an array carries its checksum."""
    _, shard = _sharded(array)
    return bool(shard["codecs"][-1]["name"] == "crc32c")


def alike(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same, numbers to the rounding of an affine."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=0, abs_tol=_ROUNDING)
    return bool(one == other)
