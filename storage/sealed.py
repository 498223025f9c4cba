"""Reading a part against its seals: what is missing or damaged is an error, never a NaN.

Zarr reads an absent chunk as the fill value. A part's marker names every object that was
written, so here absence and fill value are two different things.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import WrapperStore

from rt1t2_dask.errors import RunError
from rt1t2_dask.storage.keys import checksum

Seal = dict[str, Any]


def seal(data: bytes) -> Seal:
    """Size and sha256 of an object, as a marker keeps them."""
    return {"bytes": len(data), "sha256": checksum(data)}


def damaged(where: str, problem: str) -> RunError:
    """Describe an object that is not what was written."""
    return RunError(
        f"{where} {problem}. Find all damage with lake=verify; delete the part's .json marker "
        "to have it made again."
    )


class SealedStore(WrapperStore[Store]):
    """A part's folder, read-only, as its marker says it must be.

    Parameters
    ----------
    store : zarr store
        The folder.
    seals : Mapping of str to Seal
        Every object by its path in the folder.
    where : str
        The folder's place, for messages.
    """

    def __init__(self, store: Store, seals: Mapping[str, Seal], where: str) -> None:
        super().__init__(store)
        self._seals, self._where = dict(seals), where

    def _with_store(self, store: Store) -> Self:
        return type(self)(store, self._seals, self._where)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object or a range of it; None only for what was never written."""
        if key not in self._seals:
            return None
        data = await self._store.get(key, prototype, byte_range)
        if data is None:
            raise damaged(f"{self._where}/{key}", "is missing")
        if byte_range is None and seal(data.to_bytes()) != self._seals[key]:
            raise damaged(f"{self._where}/{key}", "differs from its checksum")
        return data

    async def exists(self, key: str) -> bool:
        """Whether an object was written."""
        return key in self._seals

    async def list(self) -> AsyncIterator[str]:
        """Every object."""
        for key in self._seals:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Every object whose path starts so."""
        for key in self._seals:
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Names directly below a folder; the marker knows them without a request."""
        start = f"{prefix.rstrip('/')}/" if prefix else ""
        inside = (key.removeprefix(start) for key in self._seals if key.startswith(start))
        for name in dict.fromkeys(key.partition("/")[0] for key in inside):
            yield name
