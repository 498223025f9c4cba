"""A part as one file: a zip of its zarr objects."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

import xarray as xr
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from rt1t2_dask.errors import UserError

_TIME = (1980, 1, 1, 0, 0, 0)
_GROUP = "zarr.json"
# zipfile lets errors of several kinds through where a file is damaged or hostile.
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError,
            LookupError, OverflowError, struct.error, zlib.error)  # fmt: skip


def pack(objects: Mapping[str, bytes]) -> bytes:
    """Pack objects into a zip; the same objects give the same bytes.

    The result opens with ``xarray.open_zarr(zarr.storage.ZipStore(path))``.
    """
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(objects):
            archive.writestr(zipfile.ZipInfo(path, _TIME), objects[path])
    return whole.getvalue()


def unpack(content: bytes, name: str) -> xr.Dataset:
    """Open a file of `pack`; arrays are read lazily.

    Raises
    ------
    UserError
        The file is damaged or not of `pack`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            # `pack` stores without compression: what unpacks to more is none of its files.
            if sum(entry.file_size for entry in entries) > len(content):
                raise ValueError("it unpacks to more than it holds")
            objects = {entry.filename: archive.read(entry) for entry in entries}
    except _DAMAGED as error:
        raise UserError(f"{name} is damaged or not a file of share=export ({error}).") from None
    if _GROUP not in objects:
        raise UserError(f"{name} is not a file of share=export: it has no {_GROUP}.")
    new = default_buffer_prototype().buffer.from_bytes
    store = MemoryStore({path: new(data) for path, data in objects.items()}, read_only=True)
    try:
        dataset: xr.Dataset = xr.open_zarr(store, consolidated=False, zarr_format=3, chunks=None)
    except Exception as error:  # zarr and xarray let any error of damaged metadata through
        said = str(error) or type(error).__name__
        raise UserError(f"{name} is damaged: its arrays cannot be opened ({said}).") from None
    return dataset
