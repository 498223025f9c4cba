"""A mesh that everybody's maps are brought to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.surface.mesh import Mesh


@dataclass(frozen=True, eq=False)
class CommonMesh:
    """One hemisphere of a mesh in correspondence over people.

    Parameters
    ----------
    middle : Mesh
        Midthickness in mm, for areas, distances and smoothing.
    sphere : Mesh
        For people registered to fsaverage, as FreeSurfer's ``sphere.reg`` is.
    cortex : ndarray of bool, shape (vertex,)
        False on the medial wall.
    own_sphere : Mesh, optional
        For people registered to the mesh's own template, where that is not fsaverage.
    """

    middle: Mesh
    sphere: Mesh
    cortex: NDArray[np.bool_]
    own_sphere: Mesh | None = None
