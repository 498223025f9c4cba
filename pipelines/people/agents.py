"""Read the sidecars of a dataset's images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from rt1t2_dask.bids.marks import SaysAgent, agent
from rt1t2_dask.bids.sidecars import document, sidecars
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.foreign import how_to_fetch
from rt1t2_dask.pipelines.engine.not_here import cannot_be_read
from rt1t2_dask.storage.base import NOT_READ
from rt1t2_dask.storage.stores import Store


def agents(store: Store, listed: Sequence[str]) -> SaysAgent:
    """Return a function of an image to the contrast agent in its sidecars.

    Parameters
    ----------
    listed : sequence of str
        Files of the dataset, sidecars included.
    """

    @cache
    def text(image: str) -> str:
        return agent(described(store, image, listed))

    return text


def described(store: Store, image: str, listed: Sequence[str]) -> dict[str, Any]:
    """Read and merge the sidecars of an image; empty for none.

    Raises
    ------
    SubjectError
        A sidecar cannot be read: its contrast agent or times would be lost.
    """
    found: dict[str, Any] = {}
    for path in sidecars(image, listed):
        found |= _document(store, path)
    return found


def _document(store: Store, path: str) -> dict[str, Any]:
    try:
        content = store.read(path)
    except NOT_READ as error:
        raise cannot_be_read(path, error) from error
    except FileNotFoundError:
        return {}
    try:
        return document(content)
    except ValueError as error:
        how = how_to_fetch(content)
        why = "it is a pointer whose content was not fetched" if how else _why(error)
        remedy = f"Fetch it: {how}" if how else "Save it as JSON in UTF-8, or remove it"
        raise SubjectError(
            f"sidecar {path} cannot be read ({why}).",
            f"{remedy}, or leave the subject out with cohort.exclude.",
        ) from None


def _why(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not {error.encoding.upper()}"
    return str(error)
