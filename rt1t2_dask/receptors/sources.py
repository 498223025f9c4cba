"""Where the shipped means of receptor maps come from: paper, licence, checksum."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

GM_PRIOR = "gm_prior"


@dataclass(frozen=True)
class MapSource:
    """The source of one shipped column of regional means.

    Parameters
    ----------
    name : str
        The map.
    receptor : str
    licence, citation : str
    sha256 : str
        Checksum of the image that was averaged.
    reference : str
        Key of its paper in the report's references; empty where none is named.
    """

    name: str
    receptor: str
    licence: str
    citation: str
    sha256: str
    reference: str


def shipped_sources(names: Iterable[str]) -> list[MapSource]:
    """Return the sources of the maps that ship as regional means, in the order of the names."""
    known = _sources()
    return [known[name] for name in names if name in known]


@cache
def _sources() -> dict[str, MapSource]:
    text = files("rt1t2_dask").joinpath("data", "pet_sources.json").read_text(encoding="utf-8")
    tree = json.loads(text)
    prior = tree[GM_PRIOR] | {"map": GM_PRIOR, "receptor": "grey matter"}
    return {
        item["map"]: MapSource(
            item["map"], item["receptor"], item["licence"], item["citation"], item["sha256"],
            item["reference"] or "",
        )
        for item in (*tree["maps"], prior)
    }  # fmt: skip
