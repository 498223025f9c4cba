"""Array layout: chunks, shards, compression, and the serialised dataset."""

import math
import warnings
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import Store
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.core.buffer import Buffer, default_buffer_prototype
from zarr.errors import ZarrUserWarning
from zarr.storage import MemoryStore

from rt1t2_dask.storage.keys import canonical, plain

CHUNK_EDGE = 48
_SPATIAL = frozenset("xyz")
_STORABLE_KINDS = "biuf"
_MAX_CHUNK_BYTES = 1 << 28
_BY_VOXEL, _VOXELS_BYTES = "voxel", 1 << 20
_METADATA = "zarr.json"


def chunk_edge(size: int) -> int:
    """Return the inner chunk length of an axis of `size` voxels: near 48, as even as possible."""
    return max(1, math.ceil(size / max(1, round(size / CHUNK_EDGE))))


def volume_layout(shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return inner chunks and shard of an array whose last three axes are spatial.

    Parameters
    ----------
    shape : tuple of int
        (..., z, y, x) in voxels.

    Returns
    -------
    chunks, shard : tuple of int
        One volume is one shard, a whole number of chunks on every axis.
    """
    edges = tuple(chunk_edge(size) for size in shape[-3:])
    whole = tuple(
        edge * max(1, math.ceil(size / edge)) for edge, size in zip(edges, shape[-3:], strict=True)
    )
    leading = (1,) * (len(shape) - 3)
    return leading + edges, leading + whole


def encode(dataset: xr.Dataset) -> dict[Hashable, dict[str, Any]]:
    """Choose chunks, shards and compression of every variable, for ``Dataset.to_zarr``.

    Parameters
    ----------
    dataset : xarray.Dataset
        Boolean, integer or float variables and coordinates.

    Returns
    -------
    dict
        Variable name to zarr 3 encoding.

    Raises
    ------
    TypeError
        For text, objects, dates and complex numbers.
    """
    return {name: _encoding(name, variable) for name, variable in dataset.variables.items()}


def _encoding(name: Hashable, variable: xr.Variable) -> dict[str, Any]:
    kind, item = variable.dtype.kind, variable.dtype.itemsize
    if kind not in _STORABLE_KINDS:
        raise TypeError(
            f"variable {name!r} holds {variable.dtype}; the lake stores numbers and booleans. "
            "Put labels into attrs as a list of str."
        )
    layout: dict[str, Any] = {
        "compressors": [
            BloscCodec(typesize=item, cname="zstd", clevel=3, shuffle="shuffle"),
            Crc32cCodec(),  # a damaged block is an error only for its readers
        ]
    }
    if kind == "f":
        layout |= {"_FillValue": variable.dtype.type("nan"), "fill_value": np.nan}
    if variable.ndim >= 3 and set(variable.dims[-3:]) == _SPATIAL:
        layout["chunks"], layout["shards"] = volume_layout(variable.shape)
    elif variable.ndim:
        layout |= _table_layout(variable, item)
    return layout


def _table_layout(variable: xr.Variable, itemsize: int) -> dict[str, tuple[int, ...]]:
    """Return chunks of some rows for a table by voxel, which is read in parts, else few."""
    shape = variable.shape
    row = max(1, itemsize * math.prod(shape[1:]))
    if variable.dims[0] == _BY_VOXEL and len(shape) > 1:
        rows = max(1, _VOXELS_BYTES // row)
        whole = rows * max(1, math.ceil(shape[0] / rows))
        return {"chunks": (rows, *shape[1:]), "shards": (whole, *shape[1:])}
    rows = min(shape[0], _MAX_CHUNK_BYTES // row)
    return {"chunks": tuple(max(1, size) for size in (rows, *shape[1:]))}


def to_objects(dataset: xr.Dataset) -> dict[str, bytes]:
    """Serialise a dataset as the objects of a zarr 3 group: equal datasets give equal bytes.

    Parameters
    ----------
    dataset : xarray.Dataset
        As for `encode`; attributes may hold numpy values. Lazy arrays are computed first, and
        whole: dask workers could not write into this process's memory.

    Returns
    -------
    dict of str to bytes
        Path inside the group to content, sorted by path.
    """
    held: dict[str, Buffer] = {}
    store: Store = MemoryStore(held)
    tidy = plain_attributes(dataset.drop_encoding().compute())
    tidy.to_zarr(store, mode="w", encoding=encode(tidy), zarr_format=3, consolidated=False)
    return {path: held[path].to_bytes() for path in sorted(held)}


def consolidated(objects: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the objects of a group with all its metadata in the first: one request opens it."""
    prototype = default_buffer_prototype()
    metadata = {
        path: prototype.buffer.from_bytes(data)
        for path, data in objects.items()
        if path.rpartition("/")[2] == _METADATA and not path.startswith("files/")
    }
    with warnings.catch_warnings():
        # zarr 3 readers without consolidated metadata ignore it.
        warnings.filterwarnings("ignore", "Consolidated metadata", ZarrUserWarning)
        zarr.consolidate_metadata(MemoryStore(metadata), zarr_format=3)
    return {**objects, _METADATA: metadata[_METADATA].to_bytes()}


def plain_attributes(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset with attributes as JSON has them, sorted by name."""
    tidy = dataset.copy(deep=False)
    for name, variable in tidy.variables.items():
        variable.attrs = _sorted_attrs(variable.attrs, str(name))
    tidy.attrs = _sorted_attrs(dataset.attrs, "dataset")
    return tidy


def _sorted_attrs(attrs: dict[Any, Any], owner: str) -> dict[str, Any]:
    values: dict[str, Any] = plain(attrs)
    try:
        canonical(values)
    except (TypeError, ValueError) as error:
        raise type(error)(f"attributes of {owner}: {error}") from error
    return {name: values[name] for name in sorted(values)}
