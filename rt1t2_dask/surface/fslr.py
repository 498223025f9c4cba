"""The mesh fsLR with 32,492 vertices a hemisphere, from TemplateFlow's or HCP's files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.common import CommonMesh
from rt1t2_dask.surface.gifti import read_labels, read_maps, read_surface
from rt1t2_dask.surface.mesh import Mesh
from rt1t2_dask.surface.resample import barycentric

MIDDLE, SPHERE, CORTEX, INFLATED = "midthickness", "sphere", "cortex", "veryinflated"
FSAVERAGE, MOVED, OWN = "fsaverage_sphere", "fsaverage_moved", "fsaverage_own"
KINDS = (MIDDLE, SPHERE, CORTEX)
"""Read always; besides them `FSAVERAGE`, or `MOVED` and `OWN`."""
RADIUS_MM = 100.0


def asset_name(kind: str, side: str) -> str:
    """Return the name under which a file of fsLR is found."""
    return f"fsLR32k_{kind}_{side}"


def fslr(files: Mapping[str, bytes]) -> CommonMesh:
    """Read a hemisphere.

    Parameters
    ----------
    files : mapping of str to bytes
        Those of `KINDS`, and `FSAVERAGE` (fsLR's vertices on fsaverage's sphere) or the two that
        it is computed from: fsaverage's vertices on fsLR's sphere (`MOVED`) and on its own
        (`OWN`).

    Raises
    ------
    SubjectError
        A file is broken, or they do not belong together.
    """
    middle, own = (read_surface(files[kind], f"fsLR's {kind}") for kind in (MIDDLE, SPHERE))
    if FSAVERAGE in files:
        sphere = read_surface(files[FSAVERAGE], "fsLR's sphere of fsaverage")
    else:
        moved, there = (read_surface(files[kind], f"fsaverage's {kind}") for kind in (MOVED, OWN))
        sphere = on_other_sphere(own, moved, there)
    cortex = read_mask(files[CORTEX])
    counts = {len(middle.vertices), len(own.vertices), len(sphere.vertices), len(cortex)}
    if len(counts) > 1:
        raise SubjectError(f"The files of fsLR have {sorted(counts)} vertices: all need as many.")
    return CommonMesh(middle, sphere, cortex, own)


def on_other_sphere(sphere: Mesh, moved: Mesh, there: Mesh) -> Mesh:
    """Return a sphere's vertices where a deformation between two spheres puts them.

    Parameters
    ----------
    sphere : Mesh
        In the space of ``moved``.
    moved, there : Mesh
        One mesh in two spaces: that of ``sphere``, and that of the result.

    Returns
    -------
    Mesh
        Radius 100 mm: barycentric within the triangle of ``moved``, then put on the sphere, as
        Connectome Workbench's ``-surface-sphere-project-unproject`` does.
    """
    places = barycentric(moved, sphere) @ there.vertices
    return sphere.moved(RADIUS_MM * places / np.linalg.norm(places, axis=1, keepdims=True))


def read_mask(content: bytes) -> NDArray[np.bool_]:
    """Read which vertices are cortex: labels or a map that are 0 on the medial wall."""
    try:
        return np.asarray(read_labels(content, "fsLR's cortex").values > 0)
    except SubjectError:
        first, *_ = read_maps(content, "fsLR's cortex").values()
        return np.asarray(first > 0)
