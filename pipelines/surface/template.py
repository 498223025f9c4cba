"""The common mesh of a study: fsaverage5, both hemispheres as one."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask import assets
from rt1t2_dask.stats.mesh.neighbourhood import Mesh as SearchMesh
from rt1t2_dask.surface.fsaverage import KINDS, SIDES, Template, asset_name, fsaverage5
from rt1t2_dask.surface.mesh import Mesh

__all__ = ["ASSETS", "SIDES", "cortex_mask", "middles", "search_mesh", "template"]

ASSETS = tuple(asset_name(kind, side) for side in SIDES for kind in KINDS)


@lru_cache(maxsize=2)
def template(side: str) -> Template:
    """Return a hemisphere of the common mesh, read once per process."""
    names = {kind: asset_name(kind, side) for kind in KINDS}
    return fsaverage5({kind: assets.read(assets.resolve(n)) for kind, n in names.items()})


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
