"""The template surface fsaverage5 in MNI152 millimetres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from rt1t2_dask.morphometry.surface import MNI305_TO_152
from rt1t2_dask.surface.gifti import read_surface
from rt1t2_dask.surface.mesh import Mesh, midthickness, thickness

KINDS = ("white", "pial", "sphere")
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
    sphere : Mesh
        For registration, radius 100.
    cortex : ndarray of bool, shape (vertex,)
        False on the medial wall.
    """

    white: Mesh
    pial: Mesh
    sphere: Mesh
    cortex: NDArray[np.bool_]

    @cached_property
    def middle(self) -> Mesh:
        """The midthickness surface."""
        return midthickness(self.white, self.pial)


def asset_name(kind: str, side: str) -> str:
    """Return the name under which a file of fsaverage5 is found."""
    return f"fsaverage5_{kind}_{side}"


def fsaverage5(files: Mapping[str, bytes]) -> Template:
    """Read a hemisphere from the files named in `KINDS`."""
    white, pial, sphere = (read_surface(files[kind], f"fsaverage5 {kind}") for kind in KINDS)
    return Template(_in_mni152(white), _in_mni152(pial), sphere, ~medial_wall(white, pial))


def medial_wall(white: Mesh, pial: Mesh) -> NDArray[np.bool_]:
    """Return which vertices lie on the medial wall, where a template has no cortex."""
    close = thickness(white, pial) < MEDIAL_MM
    index = np.flatnonzero(close)
    joined = white.adjacency.astype(np.int32)
    pieces = connected_components(joined[index][:, index], directed=False)[1]
    wall = np.zeros(len(close), bool)
    if len(index):
        wall[index[pieces == np.bincount(pieces).argmax()]] = True
    for _ in range(MEDIAL_RINGS):
        wall |= joined @ wall > 0
    return wall


def _in_mni152(mesh: Mesh) -> Mesh:
    moved = mesh.vertices @ MNI305_TO_152[:, :3].T + MNI305_TO_152[:, 3]
    return mesh.moved(moved)
