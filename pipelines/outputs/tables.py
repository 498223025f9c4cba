"""Tables and documents of the output folder: every TSV has a JSON that describes its columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from rt1t2_dask import tabular
from rt1t2_dask.storage.stores import Store
from rt1t2_dask.table_dictionary import sidecar


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Write a document as people read it."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def tsv_bytes(rows: pd.DataFrame) -> bytes:
    """Write a table as BIDS does; see `tabular.write`."""
    return tabular.write(rows)


def write_table(
    store: Store, path: str, rows: pd.DataFrame, more: Mapping[str, Any] | None = None
) -> None:
    """Write a table and its JSON.

    Parameters
    ----------
    store : Store
    path : str
        Of the TSV, below the output folder.
    rows : DataFrame
    more : mapping of str to object, optional
        What the JSON says beside the columns.
    """
    described = sidecar(path, (str(name) for name in rows))
    store.write(path, tsv_bytes(rows))
    store.write(f"{path.removesuffix('.tsv')}.json", json_bytes({**(more or {}), **described}))
