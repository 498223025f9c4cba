"""The head that simulated people are deformed from, their groups, and which files are whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rt1t2_dask import assets, json_text
from rt1t2_dask.config.study import SimulatedSource
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.pipelines.images.names import GREY, T1, WHITE
from rt1t2_dask.simulate.cohort import GroupSpec
from rt1t2_dask.simulate.head import HeadModel, build_head
from rt1t2_dask.storage.keys import canonical, checksum
from rt1t2_dask.storage.stores import Store

MARKERS = ".rt1t2_dask"


def group_specs(source: SimulatedSource) -> dict[str, GroupSpec]:
    """Return the simulated groups in the form of the simulation."""
    return {name: GroupSpec(**group.model_dump()) for name, group in source.groups.items()}


@cache
def template_head() -> HeadModel:
    """Build the template head of the simulation, once per process."""
    volumes = (from_bytes(assets.read(assets.resolve(name)), name) for name in (T1, GREY, WHITE))
    return build_head(*volumes)


def is_whole(store: Store, label: str, key: str) -> bool:
    """Whether the files that a marker names are there, of this key, and as they were written."""
    try:
        marker = json_text.parsed_object(store.read(f"{MARKERS}/{label}.json"))
        return bool(
            marker["key"] == key
            and all(checksum(store.read(path)) == sha for path, sha in marker["files"].items())
        )
    except (FileNotFoundError, ValueError, LookupError, AttributeError):
        return False


def seal(store: Store, label: str, key: str, sealed: Mapping[str, str]) -> None:
    """Write the marker that says which files, by checksum, are whole."""
    store.write(f"{MARKERS}/{label}.json", canonical({"key": key, "files": dict(sealed)}))
