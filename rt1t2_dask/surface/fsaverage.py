"""The template surface fsaverage5 in MNI152 millimetres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from rt1t2_dask.morphometry.surface import MNI305_TO_152
from rt1t2_dask.surface.gifti import read_maps, read_surface
from rt1t2_dask.surface.mesh import Mesh, joined

KINDS = ("white", "pial", "sphere", "infl", "sulc")
SIDES = ("left", "right")
MEDIAL_MM, MEDIAL_RINGS = 1.0, 2
"""The medial wall: the largest piece where white and pial surface are closer, two rings wider.

nilearn's files have no label of it; this finds 799 of the 888 vertices that FreeSurfer leaves out
of the left hemisphere.
"""


@dataclass(frozen=True, eq=False)
class Template:
    """One hemisphere of fsaverage5.

    Parameters
    ----------
    white, pial : Mesh
        In MNI152 mm, by FreeSurfer's affine from MNI305.
    sphere, inflated : Mesh
        For registration, radius 100; for pictures.
    sulci : ndarray, shape (vertex,)
        Sulcal depth, positive in sulci.
    cortex : ndarray of bool, shape (vertex,)
        False on the medial wall.
    """

    white: Mesh
    pial: Mesh
    sphere: Mesh
    inflated: Mesh
    sulci: NDArray[np.float64]
    cortex: NDArray[np.bool_]

    @property
    def middle(self) -> Mesh:
        """The midthickness surface."""
        return self.white.moved((self.white.vertices + self.pial.vertices) / 2)


def asset_name(kind: str, side: str) -> str:
    """Return the name under which a file of fsaverage5 is found."""
    return f"fsaverage5_{kind}_{side}"


def fsaverage5(files: Mapping[str, bytes]) -> Template:
    """Read a hemisphere from the files named in `KINDS`."""
    white, pial, sphere, inflated = (
        read_surface(files[kind], f"fsaverage5 {kind}") for kind in KINDS[:4]
    )
    (sulci,) = read_maps(files["sulc"], "fsaverage5 sulc").values()
    cortex = ~medial_wall(white, pial)
    return Template(_in_mni152(white), _in_mni152(pial), sphere, inflated, sulci, cortex)


def medial_wall(white: Mesh, pial: Mesh) -> NDArray[np.bool_]:
    """Return which vertices lie on the medial wall, where a template has no cortex."""
    close = np.linalg.norm(white.vertices - pial.vertices, axis=1) < MEDIAL_MM
    index = np.flatnonzero(close)
    joined = white.adjacency.astype(np.int32)
    pieces = connected_components(joined[index][:, index], directed=False)[1]
    wall = np.zeros(len(close), bool)
    if len(index):
        wall[index[pieces == np.bincount(pieces).argmax()]] = True
    for _ in range(MEDIAL_RINGS):
        wall |= joined @ wall > 0
    return wall


def both(hemispheres: Mapping[str, Mesh]) -> Mesh:
    """Return both hemispheres as one mesh, left first."""
    return joined(hemispheres["left"], hemispheres["right"])


def _in_mni152(mesh: Mesh) -> Mesh:
    moved = mesh.vertices @ MNI305_TO_152[:, :3].T + MNI305_TO_152[:, 3]
    return mesh.moved(moved)
