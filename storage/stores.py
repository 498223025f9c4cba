"""Open stores: local folders and buckets."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from rt1t2_dask.storage.base import Entry, Store
from rt1t2_dask.storage.folders import Folder

__all__ = ["Entry", "Store", "open_store"]


def open_store(url: str, options: Mapping[str, Any] | None = None) -> Store:
    """Open the store of a URL, without reading or writing.

    Parameters
    ----------
    url : str
        A local path, ``file://``, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or
        ``az://container/prefix``.
    options : Mapping, optional
        For buckets: `endpoint` (URL), `anonymous` (bool), `retries` (int), `timeout_s` (float);
        for s3 also `region`, `virtual_hosted` (bool), `profile`; for az `account`. Values of
        None count as unset. Never credentials.

    Returns
    -------
    Store

    Raises
    ------
    UserError
        For an unknown scheme or option, or credentials in either.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    if urlsplit(url).scheme in {"", "file"}:
        return Folder(url, given)
    from rt1t2_dask.storage.buckets import Bucket  # local lakes need no network code

    return Bucket(url, given)
