"""Read a part against its checksums: missing or damaged data are errors, never NaN.

Zarr reads an absent chunk as the fill value. A part's marker lists every object written, which
distinguishes absence from fill value.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from zarr.abc.store import ByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import WrapperStore

from rt1t2_dask.errors import RunError
from rt1t2_dask.json_text import parsed_object
from rt1t2_dask.storage.keys import checksum
from rt1t2_dask.storage.shards import index_fits

Seal = dict[str, Any]
DIFFERS = "differs from its checksum"
_KEPT = 1 << 17


def seal(data: bytes) -> Seal:
    """Return size and sha256 of an object, as stored in a marker."""
    return {"bytes": len(data), "sha256": checksum(data)}


def marker(data: bytes, where: str) -> dict[str, Any]:
    """Return what a part's marker says: its record, and the seals of its objects.

    Raises
    ------
    RunError
        It is damaged.
    """
    try:
        document = parsed_object(data)
        sealed = all(map(_is_seal, document["objects"].values()))
        if sealed and isinstance(document["record"], dict):
            return document
    except (ValueError, LookupError, AttributeError):
        pass
    raise damaged(where, "is damaged")


def _is_seal(found: Any) -> bool:
    if not isinstance(found, dict):
        return False
    return isinstance(found.get("bytes"), int) and isinstance(found.get("sha256"), str)


class Compared:
    """What this process has compared whole with its checksum, so that it is done once.

    What it holds is bounded.
    """

    def __init__(self) -> None:
        self._held: set[int] = set()

    def holds(self, where: str, sealed: Seal) -> bool:
        """Return whether the object at this place was compared with this seal."""
        return hash((where, sealed["sha256"])) in self._held

    def keep(self, where: str, sealed: Seal) -> None:
        """Remember an object that is as sealed."""
        if len(self._held) >= _KEPT:
            self._held.clear()
        self._held.add(hash((where, sealed["sha256"])))


def damaged(where: str, problem: str) -> RunError:
    """Return the error for an object that differs from what was written."""
    return RunError(
        f"{where} {problem}. Find all damage with lake=verify; delete the part's .json marker to "
        f"recompute it."
    )


class SealedStore(WrapperStore[Store]):
    """A part's folder, read-only, verified by its marker.

    Parameters
    ----------
    store : zarr store
        The folder.
    seals : Mapping of str to Seal
        Size and checksum of every object by its path in the folder.
    where : str
        The folder's location, for messages.
    """

    def __init__(self, store: Store, seals: Mapping[str, Seal], where: str) -> None:
        super().__init__(store)
        self._seals, self._where = dict(seals), where

    def _with_store(self, store: Store) -> Self:
        return type(self)(store, self._seals, self._where)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object or a range of it; None only if it was never written."""
        if key not in self._seals:
            return None
        data = await self._store.get(key, prototype, byte_range)
        if data is None:
            raise damaged(f"{self._where}/{key}", "is missing")
        if not self._fits(data.to_bytes(), byte_range, self._seals[key]):
            raise damaged(f"{self._where}/{key}", DIFFERS)
        return data

    @staticmethod
    def _fits(data: bytes, byte_range: ByteRequest | None, sealed: Seal) -> bool:
        """Compare a whole object, or the index at the end of a shard; chunks carry a checksum."""
        if isinstance(byte_range, SuffixByteRequest):
            return index_fits(data, sealed["bytes"])
        return byte_range is not None or seal(data) == sealed

    async def exists(self, key: str) -> bool:
        """Return whether an object was written."""
        return key in self._seals

    async def list(self) -> AsyncIterator[str]:
        """Yield every object."""
        for key in self._seals:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield every object with this prefix."""
        for key in self._seals:
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield names directly below a folder, from the marker without a request."""
        start = f"{prefix.rstrip('/')}/" if prefix else ""
        inside = (key.removeprefix(start) for key in self._seals if key.startswith(start))
        for name in dict.fromkeys(key.partition("/")[0] for key in inside):
            yield name
