"""A part as one file: a zip of its zarr objects."""

import io
import zipfile
from collections.abc import Mapping

import xarray as xr
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from rt1t2_dask.errors import UserError

_TIME = (1980, 1, 1, 0, 0, 0)
_GROUP = "zarr.json"
_MOST_BYTES = 1 << 36


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
            if sum(entry.file_size for entry in entries) > _MOST_BYTES:
                raise UserError(f"{name} unpacks to more than {_MOST_BYTES >> 30} GB.")
            objects = {entry.filename: archive.read(entry) for entry in entries}
    except zipfile.BadZipFile as error:
        raise UserError(f"{name} is damaged or not a file of share=export ({error}).") from None
    if _GROUP not in objects:
        raise UserError(f"{name} is not a file of share=export: it has no {_GROUP}.")
    new = default_buffer_prototype().buffer.from_bytes
    store = MemoryStore({path: new(data) for path, data in objects.items()}, read_only=True)
    dataset: xr.Dataset = xr.open_zarr(store, consolidated=False, zarr_format=3, chunks=None)
    return dataset
