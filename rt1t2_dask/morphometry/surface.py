"""The fsaverage5 surface, and a volumetric Desikan-Killiany atlas projected to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.morphometry.regions import desikan_labels
from rt1t2_dask.surface.packed import unzipped

Float = NDArray[np.float64]
Ints = NDArray[np.intp]
FARTHEST_MM = 4.0
MNI305_TO_152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
    ]
)
"""FreeSurfer's affine from MNI305 mm, in which fsaverage lies, to MNI152 mm."""


@dataclass(frozen=True)
class Hemisphere:
    """One hemisphere of fsaverage5.

    Parameters
    ----------
    inflated, middle, sphere : ndarray, shape (vertex, 3)
        Inflated surface; midthickness, MNI305 mm; sphere.
    faces : ndarray of int, shape (face, 3)
    sulci : ndarray, shape (vertex,)
        Sulcal depth, positive in sulci.
    """

    inflated: Float
    middle: Float
    sphere: Float
    faces: Ints
    sulci: Float


SURFACES = ("infl", "pial", "white", "sphere", "sulc")


def hemisphere(files: Mapping[str, bytes]) -> Hemisphere:
    """Read a hemisphere from the GIFTI files named in `SURFACES` (gzip or not)."""
    arrays = {name: _arrays(files[name]) for name in SURFACES}
    middle = (arrays["pial"][0] + arrays["white"][0]) / 2
    return Hemisphere(
        np.asarray(arrays["infl"][0], np.float64),
        np.asarray(middle, np.float64),
        np.asarray(arrays["sphere"][0], np.float64),
        np.asarray(arrays["infl"][1], np.intp),
        np.asarray(arrays["sulc"][0], np.float64),
    )


def _arrays(content: bytes) -> list[NDArray[Any]]:
    return [array.data for array in nib.GiftiImage.from_bytes(unzipped(content)).darrays]


def vertex_regions(surface: Hemisphere, atlas: Volume, labels: Sequence[int]) -> Ints:
    """Return the index in ``labels`` of each vertex; -1 on the medial wall.

    Parameters
    ----------
    surface : Hemisphere
    atlas : Volume
        Labels in MNI152 mm.
    labels : sequence of int
        Of this hemisphere's cortex.

    Notes
    -----
    The nearest voxel of the cortex within 4 mm decides: good for pictures and for the centres
    of regions, no substitute for FreeSurfer's own annotation.
    """
    data = np.rint(atlas.data).astype(np.int64)
    voxels = np.argwhere(np.isin(data, labels))
    affine = np.asarray(atlas.affine, np.float64)
    tree = cKDTree(voxels @ affine[:3, :3].T + affine[:3, 3])
    places = surface.middle @ MNI305_TO_152[:, :3].T + MNI305_TO_152[:, 3]
    distance, nearest = tree.query(places, distance_upper_bound=FARTHEST_MM)
    near = np.isfinite(distance)
    order = {label: k for k, label in enumerate(labels)}
    found = np.full(len(places), -1, np.intp)
    found[near] = [order[int(v)] for v in data[tuple(voxels[nearest[near]].T)]]
    return found


def desikan_vertices(surface: Hemisphere, side: str, atlas: Volume) -> tuple[dict[str, int], Ints]:
    """Return the Desikan-Killiany labels of a hemisphere by name, and the index of each vertex.

    Parameters
    ----------
    surface : Hemisphere
    side : {"left", "right"}
    atlas : Volume
        Labels in MNI152 mm; see `vertex_regions`.
    """
    labels = {n: v for n, v in desikan_labels().items() if n.startswith(f"{side[0]}h_")}
    return labels, vertex_regions(surface, atlas, list(labels.values()))


def centroids(surface: Hemisphere, regions: Ints, n_regions: int) -> Float:
    """Return the centroid of each region's vertices, projected to the sphere of radius 100."""
    means = np.array([surface.sphere[regions == k].mean(axis=0) for k in range(n_regions)])
    return np.asarray(100 * means / np.linalg.norm(means, axis=1, keepdims=True))
