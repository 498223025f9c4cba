"""Names and bytes of the simulated surfaces of a person, in a BIDS derivatives folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rt1t2_dask.bids.surfaces import HEMISPHERES, KINDS, SMRIPREP, role_of
from rt1t2_dask.simulate.cortex.carry import carried
from rt1t2_dask.simulate.pose import TrueWarp
from rt1t2_dask.surface.fit import Cortex
from rt1t2_dask.surface.gifti import surface_bytes
from rt1t2_dask.surface.mesh import Mesh

FOLDER = "derivatives/simulated_surfaces"
STRUCTURES: Mapping[str, str] = {"white": "GrayWhite", "pial": "Pial", "sphere": "Sphere"}
"""GIFTI's secondary structures."""


def simulated_surfaces(label: str) -> dict[str, str]:
    """Return the paths of a person's surfaces in the dataset, by role, such as ``pial_left``."""
    return {
        role_of(kind, side): f"{FOLDER}/{label}/anat/{label}_hemi-{short}_{SMRIPREP[kind][0]}"
        for side, short in HEMISPHERES.items()
        for kind in KINDS
    }


def surface_files(
    label: str, cortices: Mapping[str, Cortex], spheres: Mapping[str, Mesh], warp: TrueWarp
) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of a person's surfaces.

    Parameters
    ----------
    label : str
        With its ``sub-``.
    cortices, spheres : mapping of str to Cortex, and to Mesh
        Of the template, ``left`` and ``right``; vertices in correspondence, so that the
        template's sphere is the person's registration sphere.
    warp : TrueWarp
        The person's.
    """
    names = simulated_surfaces(label)
    for side, cortex in cortices.items():
        meshes = {
            "white": carried(cortex.white, warp),
            "pial": carried(cortex.pial, warp),
            "sphere": spheres[side],
        }
        for kind, mesh in meshes.items():
            yield names[role_of(kind, side)], surface_bytes(mesh, side, STRUCTURES[kind])
