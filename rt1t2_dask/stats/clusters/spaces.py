"""Where clusters form: voxels of a grid or vertices of a mesh, and the scratch of each."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.clusters.lattice import Lattice
from rt1t2_dask.stats.clusters.tfce import Workspace
from rt1t2_dask.stats.mesh.neighbourhood import Neighbourhood
from rt1t2_dask.stats.mesh.workspace import MeshWorkspace

Space = Lattice | Neighbourhood
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class Scratch(Protocol):
    """What a search asks of a workspace, of voxels or of vertices."""

    def largest_clusters(self, cells: NDArray[np.int32], values: F32, height: float) -> F64:
        """Find the largest extent and mass of each sign, shape (2 signs, 2)."""

    def tfce(self, values: F32) -> F32:
        """Compute TFCE of both signs, negative where the map is."""

    def largest_tfce(self, values: F32) -> F64:
        """Find the largest TFCE of each sign, shape (2,)."""


def workspace(space: Space, powers: tuple[float, float] | None = None) -> Scratch:
    """Return scratch arrays for one space and thread.

    Parameters
    ----------
    space : Lattice or Neighbourhood
        Voxels of a mask, or tested vertices of a mesh.
    powers : tuple of float, optional
        E and H of TFCE; default .5 and 2 on voxels (Smith & Nichols 2009), 1 and 2 on meshes
        (PALM's ``-tfce2D``).
    """
    more = powers or ()
    if isinstance(space, Lattice):
        return Workspace(space, *more)
    return MeshWorkspace(space, *more)
