"""Parts: the result of one stage for one subject or cohort, complete or absent."""

import re
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import xarray as xr

from rt1t2_dask.errors import RunError
from rt1t2_dask.storage.arrays import to_objects
from rt1t2_dask.storage.claims import LEASE_S, claimed
from rt1t2_dask.storage.keys import canonical, plain
from rt1t2_dask.storage.sealed import DIFFERS, Seal, SealedStore, damaged, marker, seal
from rt1t2_dask.storage.stores import Store, open_store

MARKER = ".json"
_MARKER_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)
_EMPTY_GROUP = canonical({"zarr_format": 3, "node_type": "group", "attributes": {}})


@dataclass(frozen=True, order=True)
class Part:
    """Name of one result.

    Parameters
    ----------
    stage : str
        Lower-case name of the stage.
    key : str
        32 hexadecimal digits from `keys.part_key`.
    """

    stage: str
    key: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.stage):
            raise ValueError(f"stage {self.stage!r} is not a lower-case name")
        if not re.fullmatch(r"[0-9a-f]{32}", self.key):
            raise ValueError(f"key {self.key!r} is not 32 hexadecimal digits")

    @property
    def prefix(self) -> str:
        """Folder of the part's arrays: a zarr group."""
        return f"parts/{self.stage}/{self.key}"

    @property
    def marker(self) -> str:
        """Object that marks the part complete, with its record and checksums."""
        return self.prefix + MARKER


class Lake:
    """All parts and runs under one URL; pickles as URL and options only.

    Parameters
    ----------
    url : str
        See `stores.open_store`.
    options : Mapping, optional
        See `stores.open_store`.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.store: Store = open_store(url, options)

    def is_complete(self, part: Part) -> bool:
        """Return whether the part's completion marker exists; data alone are not complete."""
        return self.store.exists(part.marker)

    def complete_keys(self, stage: str) -> set[str]:
        """Return the keys of every complete part of a stage, by one listing."""
        names = self.store.children(f"parts/{stage}")
        return {name.removesuffix(MARKER) for name in names if name.endswith(MARKER)}

    def write(
        self,
        part: Part,
        dataset: xr.Dataset,
        *,
        record: Mapping[str, Any],
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """Store a part: objects first, completion marker last.

        Parameters
        ----------
        part : Part
            A complete part is not changed.
        dataset : xarray.Dataset
            Numbers and booleans; see `arrays.encode`. Its compressed bytes must fit in memory.
        record : Mapping
            Metadata of its computation; finite JSON values.
        files : Mapping of str to bytes, optional
            Further small objects by name, read back with `file`.
        """
        if self.is_complete(part):
            return
        objects = to_objects(dataset)
        if files:
            objects["files/zarr.json"] = _EMPTY_GROUP
            objects |= {f"files/{name}": bytes(files[name]) for name in sorted(files)}
        self.write_objects(part, objects, record=record)

    def write_objects(
        self, part: Part, objects: Mapping[str, bytes], *, record: Mapping[str, Any]
    ) -> None:
        """Store a part from the bytes of its objects, the marker last; see `write`."""
        seals = {path: seal(data) for path, data in objects.items()}
        mark = canonical({"record": plain(record), "objects": seals})
        self._clear_leftovers(part, set(objects))
        for path, data in objects.items():
            self.store.write(f"{part.prefix}/{path}", data)
        self._mark(part, mark)

    def _mark(self, part: Part, mark: bytes) -> None:
        """Create the marker; a refused create without a marker was a conflict of requests."""
        for pause in _MARKER_PAUSES_S:
            if self.store.create(part.marker, mark) or self.is_complete(part):
                return
            time.sleep(pause)
        raise RunError(
            f"{self.store.url}/{part.marker}: the store refuses to create it, although it does "
            f"not exist. Run the same command again; finished parts are kept."
        )

    def clear_dead(self) -> None:
        """Remove the partial files of killed runs of this machine, but those within parts.

        A part that was not finished is cleared when it is made again.
        """
        self.store.clear_dead(deep=False)
        for folder in ("claims", "runs", "shares"):
            self.store.clear_dead(folder)
        for stage in self.store.children("parts"):
            self.store.clear_dead(f"parts/{stage}".rstrip("/"), deep=False)

    def _clear_leftovers(self, part: Part, kept: set[str]) -> None:
        self.store.clear_dead(part.prefix)
        for path in list(self.store.list(part.prefix)):
            if path.removeprefix(part.prefix + "/") not in kept:
                self.store.delete(path)

    def read(self, part: Part, chunks: Mapping[str, int] | None = None) -> xr.Dataset:
        """Open a part's arrays lazily.

        Parameters
        ----------
        part : Part
        chunks : Mapping of str to int, optional
            Dask chunk length by dimension (multiples of `arrays.chunk_edge` read without waste),
            {} for whole volumes; None gives lazy arrays without dask.

        Returns
        -------
        xarray.Dataset

        Raises
        ------
        FileNotFoundError
            Where the part is not complete.
        RunError
            Here or when values are computed, where an object is missing or damaged.
        """
        folder = self.store.zarr(part.prefix, read_only=True)
        source = SealedStore(folder, self.objects(part), f"{self.store.url}/{part.prefix}")
        whole: dict[Any, Any] | None = {} if chunks is not None and not chunks else None
        dataset: xr.Dataset = xr.open_zarr(source, consolidated=False, zarr_format=3, chunks=whole)
        if chunks:
            return dataset.chunk(dict(chunks), token=part.key)
        return dataset

    def record(self, part: Part) -> dict[str, Any]:
        """Return the `record` of `write`; FileNotFoundError if incomplete."""
        return dict(self._document(part)["record"])

    def objects(self, part: Part) -> dict[str, Seal]:
        """Return size and sha256 of every object of a complete part, by its path in the part."""
        return dict(self._document(part)["objects"])

    def file(self, part: Part, name: str) -> bytes:
        """Read one of the part's `files`; FileNotFoundError if incomplete or absent."""
        return self.object(part, f"files/{name}")

    def object(self, part: Part, path: str) -> bytes:
        """Read one object of a complete part, verified; FileNotFoundError if never written."""
        sealed = self.objects(part).get(path)
        if sealed is None:
            raise FileNotFoundError(f"{part.prefix} has no object {path}")
        return self._sound(part, path, sealed)

    def whole(self, part: Part) -> dict[str, bytes]:
        """Return every object of a complete part by its path in it, verified."""
        return {path: self._sound(part, path, s) for path, s in self.objects(part).items()}

    def _sound(self, part: Part, path: str, sealed: Seal) -> bytes:
        data = self.store.read(f"{part.prefix}/{path}")
        if seal(data) != sealed:
            where = f"{self.store.url}/{part.prefix}/{path}"
            raise damaged(where, DIFFERS)
        return data

    def delete(self, part: Part) -> None:
        """Remove a part, marker first: an interruption leaves no seemingly complete part."""
        self.store.delete(part.marker)
        self.store.delete_prefix(part.prefix)

    def verify(self, part: Part) -> list[str]:
        """Compare a part with its marker; return one line per problem."""
        try:
            sealed = self.objects(part)
        except FileNotFoundError:
            return [f"{part.prefix}: no completion marker"]
        except RunError:
            return [f"{part.marker}: is damaged"]
        found = {path.removeprefix(part.prefix + "/") for path in self.store.list(part.prefix)}
        problems = [f"{part.prefix}/{p}: missing" for p in sorted(set(sealed) - found)]
        problems += [f"{part.prefix}/{p}: not in the marker" for p in sorted(found - set(sealed))]
        return problems + [
            f"{part.prefix}/{p}: content differs from its checksum"
            for p in sorted(found & set(sealed))
            if seal(self.store.read(f"{part.prefix}/{p}")) != sealed[p]
        ]

    def claim(self, part: Part, lease_s: float = LEASE_S) -> AbstractContextManager[bool]:
        """Claim the work on a part: True to make it, False once another process has made it.

        See `claims.claimed`.
        """
        name = f"{part.stage}/{part.key}"
        return claimed(self.store, name, lambda: self.is_complete(part), lease_s)

    def _document(self, part: Part) -> dict[str, Any]:
        try:
            data = self.store.read(part.marker)
        except FileNotFoundError:
            raise FileNotFoundError(f"{self.store.url}/{part.prefix} is not complete") from None
        return marker(data, f"{self.store.url}/{part.marker}")
