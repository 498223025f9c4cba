"""The cortical surface with approximate regions, where no Desikan-Killiany atlas is installed."""

from __future__ import annotations

from collections.abc import Mapping

from rt1t2_dask.morphometry.ellipses import AGREEMENT, vertex_regions
from rt1t2_dask.morphometry.regions import desikan_names
from rt1t2_dask.morphometry.surface import SURFACES, hemisphere
from rt1t2_dask.report.figures.surface_figure import BrainSurface

BORDERS = (
    "borders of regions are approximate, each region one ellipse on the sphere "
    f"({AGREEMENT} % of vertices as in FreeSurfer's annotation)"
)


def approximate_surface(files: Mapping[str, bytes]) -> BrainSurface:
    """Draw every region as its ellipse on the sphere.

    Parameters
    ----------
    files : mapping of str to bytes
        The surfaces, as ``fsaverage5_infl_left``.
    """
    meshes, regions, names = {}, {}, {}
    for side in ("left", "right"):
        short = f"{side[0]}h"
        mesh = hemisphere({name: files[f"fsaverage5_{name}_{side}"] for name in SURFACES})
        names[side] = tuple(name for name in desikan_names() if name.startswith(short))
        meshes[side] = mesh
        regions[side] = vertex_regions(mesh.sphere, short, names[side])
    return BrainSurface(meshes, regions, names, BORDERS)
