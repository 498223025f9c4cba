"""The common mesh of a study: fsaverage5, both hemispheres as one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask import assets
from rt1t2_dask.stats.mesh.neighbourhood import SearchMesh
from rt1t2_dask.surface.fsaverage import KINDS, SIDES, Template, asset_name, fsaverage5
from rt1t2_dask.surface.mesh import Mesh

__all__ = [
    "ASSETS",
    "SIDES",
    "by_side",
    "cortex_mask",
    "middles",
    "search_mesh",
    "template",
    "template_files",
]

Scalar = TypeVar("Scalar", bound=np.generic)
ASSETS = tuple(asset_name(kind, side) for side in SIDES for kind in KINDS)


def template_files(side: str, kinds: Sequence[str] = KINDS) -> dict[str, bytes]:
    """Read files of a hemisphere of the common mesh, by kind."""
    return {kind: assets.read(assets.resolve(asset_name(kind, side))) for kind in kinds}


@lru_cache(maxsize=2)
def template(side: str) -> Template:
    """Return a hemisphere of the common mesh, read once per process."""
    return fsaverage5(template_files(side))


def by_side(values: NDArray[Scalar]) -> dict[str, NDArray[Scalar]]:
    """Return the halves of a map of both hemispheres, shape (vertex,), by hemisphere."""
    halves = np.split(values, [len(template(SIDES[0]).cortex)])
    return dict(zip(SIDES, halves, strict=True))


def middles() -> tuple[Mesh, ...]:
    """Return the midthickness of both hemispheres."""
    return tuple(template(side).middle for side in SIDES)


def cortex_mask() -> NDArray[np.bool_]:
    """Return which vertices of both hemispheres are cortex."""
    return np.concatenate([template(side).cortex for side in SIDES])


@lru_cache(maxsize=1)
def search_mesh() -> SearchMesh:
    """Return both hemispheres as one search, the medial wall left out."""
    return SearchMesh.joined(
        [
            SearchMesh(mesh.faces, mesh.vertex_areas, template(side).cortex)
            for side, mesh in zip(SIDES, middles(), strict=True)
        ]
    )
