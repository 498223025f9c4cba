"""What the sidecars of a dataset say of contrast agents, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rt1t2_dask.bids_marks import SaysAgent, agent
from rt1t2_dask.bids_names import images_of
from rt1t2_dask.bids_sidecars import merged, sidecars
from rt1t2_dask.storage.base import NOT_READ
from rt1t2_dask.storage.stores import Store


def agents(store: Store, listed: Sequence[str]) -> SaysAgent:
    """Return what tells of an image whether its sidecars name a contrast agent.

    Parameters
    ----------
    listed : sequence of str
        Sidecars are among these; that of another image says nothing, nor does an unreadable one.
    """
    documents = [path for path in listed if path.endswith(".json")]
    images = {path.partition(".")[0] for path in images_of(listed)}

    @cache
    def said(image: str) -> str:
        others = images - {image.partition(".")[0]}
        own = [path for path in documents if path.removesuffix(".json") not in others]
        try:
            return agent(merged(store.read(path) for path in sidecars(image, own)))
        except (ValueError, FileNotFoundError, *NOT_READ):
            return ""

    return said
