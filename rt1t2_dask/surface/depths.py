"""Sample an image at depths of the cortex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.stats.jit import compiled
from rt1t2_dask.surface.mesh import Mesh, check_pair

Float = NDArray[np.float64]
LEAST_KNOWN: Final = 0.5
EQUAL_AREAS: Final = 1e-6
"""Relative difference of white and pial area below which volume and distance are one."""


def sample_depths(
    volume: Volume, white: Mesh, pial: Mesh, depths: Sequence[float], *, equivolumetric: bool = True
) -> Float:
    """Return an image at some depths, shape (depth, vertex).

    Parameters
    ----------
    volume : Volume
        NaN where not measured or in a lesion.
    white, pial : Mesh
        Scanner RAS+ mm, vertices corresponding.
    depths : sequence of float
        Shares of the cortex between white surface (0) and depth, to the pial surface (1).
    equivolumetric : bool
        Shares of volume, which keeps to the layers in gyri and sulci; of distance if False.

    Returns
    -------
    ndarray
        Trilinear; NaN where voxels with less than half the weight are known.

    Raises
    ------
    UserError
        A depth is outside 0 to 1.
    SubjectError
        The surfaces do not correspond.
    """
    to_voxel = np.linalg.inv(np.asarray(volume.affine, np.float64))
    data = np.ascontiguousarray(volume.data, np.float64)
    rows = []
    for depth in depths:
        places = depth_surface(white, pial, depth, equivolumetric=equivolumetric).vertices
        rows.append(trilinear(data, places @ to_voxel[:3, :3].T + to_voxel[:3, 3]))
    return np.stack(rows)


def depth_surface(white: Mesh, pial: Mesh, depth: float, *, equivolumetric: bool = True) -> Mesh:
    """Return the surface at a depth; see `sample_depths`."""
    check_pair(white, pial)
    if not 0 <= depth <= 1:
        raise UserError(f"surface.depths are shares from 0 (white) to 1 (pial), not {depth}.")
    way: Any = depth
    if equivolumetric:
        way = equivolumetric_way(white.vertex_areas, pial.vertex_areas, depth)[:, None]
    return white.moved(white.vertices + way * (pial.vertices - white.vertices))


def equivolumetric_way(white_mm2: Float, pial_mm2: Float, share: float) -> Float:
    """Return the share of the distance below which lies a share of the volume.

    Parameters
    ----------
    white_mm2, pial_mm2 : ndarray, shape (vertex,)
        Vertex areas.
    share : float
        Of the volume, counted from the white surface, 0 to 1.

    Notes
    -----
    Area is taken to grow linearly from white to pial (Waehnert et al. 2014, NeuroImage
    93:210-220, equation 10; Wagstyl et al. 2018, github.com/kwagstyl/surface_tools). That is
    exact on cylinders. Where both areas are the same, or 0, it is the share itself.
    """
    difference = pial_mm2 - white_mm2
    alike = np.abs(difference) <= EQUAL_AREAS * np.maximum(white_mm2, pial_mm2)
    root = np.sqrt(share * pial_mm2**2 + (1 - share) * white_mm2**2)
    return np.where(alike, share, (root - white_mm2) / np.where(alike, 1.0, difference))


@compiled
def trilinear(data: Float, places: Float) -> Float:
    """Interpolate between the known of eight voxels, shape (place,).

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
        NaN where unknown; unknown outside.
    places : ndarray, shape (place, 3)
        In voxel coordinates, centres at whole numbers.

    Returns
    -------
    ndarray
        NaN where less than half the weight is known.
    """
    shape = data.shape
    out = np.empty(len(places))
    for p in range(len(places)):
        total, known = 0.0, 0.0
        for corner in range(8):
            weight, inside = 1.0, True
            at = np.empty(3, np.int64)
            for x in range(3):
                low = np.floor(places[p, x])
                upper = (corner >> x) & 1
                share = places[p, x] - low
                weight *= share if upper else 1 - share
                at[x] = int(low) + upper
                inside = inside and 0 <= at[x] < shape[x]
            if inside and weight > 0 and np.isfinite(data[at[0], at[1], at[2]]):
                total += weight * data[at[0], at[1], at[2]]
                known += weight
        out[p] = total / known if known >= LEAST_KNOWN else np.nan
    return out
