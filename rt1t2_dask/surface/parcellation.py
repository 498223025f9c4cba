"""Regions of both hemispheres of a common mesh, and means over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.regions import HEMISPHERE, canonical, is_cortex
from rt1t2_dask.surface.gifti import Labels

Float = NDArray[np.float64]
Ints = NDArray[np.intp]
FSAVERAGE: Final = 163_842
"""Vertices of a hemisphere of fsaverage."""
NESTED: Final = (2_562, 10_242, 40_962)
"""Vertices of fsaverage4 to 6. Each divides the triangles of the one before, whose vertices come
first: those of fsaverage5 are the first 10,242 of fsaverage."""
LEAST_KNOWN: Final = 0.5
"""Share of a region's area below which its mean does not represent it, as in volumes."""


@dataclass(frozen=True, eq=False)
class Parcellation:
    """The regions of both hemispheres.

    Parameters
    ----------
    labels : ndarray of int, shape (vertex,)
        Left hemisphere first; 0 where there is no region.
    names : dict of int to str
        By label, from 1, left before right, such as ``lh_bankssts``.
    """

    labels: Ints
    names: dict[int, str]


def parcellation(sides: Mapping[str, Labels]) -> Parcellation:
    """Join the labels of two hemispheres under FreeSurfer's names.

    Parameters
    ----------
    sides : mapping of str to Labels
        ``left`` and ``right``.

    Returns
    -------
    Parcellation
        Regions in the order of their keys. Negative keys, keys without a name and what is called
        unknown, medial wall, corpus callosum, background or ``???`` are no region; labels of one
        name are one region.

    Raises
    ------
    UserError
        A hemisphere has no region.
    """
    names: dict[int, str] = {}
    parts: list[Ints] = []
    for side, own in sides.items():
        found = np.zeros(len(own.values), np.intp)
        of_name: dict[str, int] = {}
        for key in np.unique(own.values).tolist():
            name = _name(own.names.get(key, ""), side)
            if key >= 0 and is_cortex(name):
                number = of_name.setdefault(name, len(names) + len(of_name) + 1)
                found[own.values == key] = number
        if not of_name:
            raise UserError(f"the {side} hemisphere has no region with a name.")
        names |= {number: name for name, number in of_name.items()}
        parts.append(found)
    return Parcellation(np.concatenate(parts), names)


def on_mesh(labels: Labels, vertices: int, said: str) -> Labels:
    """Return the labels of a mesh's vertices.

    Parameters
    ----------
    labels : Labels
        Of the mesh, or of fsaverage (163,842 vertices a hemisphere) where the mesh is one of those
        that fsaverage divides: its first vertices are theirs.
    vertices : int
        Of a hemisphere of the mesh.
    said : str
        What errors call the labels.

    Raises
    ------
    UserError
        They are of another mesh.
    """
    found = len(labels.values)
    if found == vertices:
        return labels
    nested = vertices in NESTED
    if found == FSAVERAGE and nested:
        return Labels(labels.values[:vertices], labels.names)
    wanted = f"{vertices:,}" + (f" or, on fsaverage, {FSAVERAGE:,}" if nested else "")
    raise UserError(f"{said} has {found:,} vertices; a hemisphere of this mesh has {wanted}.")


def region_means(values: Float, areas: Float, regions: Parcellation) -> tuple[Float, Float]:
    """Average a map over regions, vertices weighted by their area.

    Parameters
    ----------
    values : ndarray, shape (..., vertex)
        NaN where missing.
    areas : ndarray, shape (vertex,)
        mm^2.
    regions : Parcellation

    Returns
    -------
    means, coverage : ndarray, shape (..., region)
        In the order of the labels. Coverage is the known share of a region's area, 0 to 1; a mean
        is NaN where it is below `LEAST_KNOWN`.

    Raises
    ------
    UserError
        The map is of other vertices than the regions.
    """
    flat = np.asarray(values, np.float64).reshape(-1, np.shape(values)[-1])
    if flat.shape[1] != len(regions.labels) or np.shape(areas) != regions.labels.shape:
        raise UserError(
            f"Regions of {len(regions.labels):,} vertices, a map of {flat.shape[1]:,} and areas of "
            f"{len(areas):,}: give all for the same mesh."
        )
    n = len(regions.names) + 1

    def total(weights: Float) -> Float:
        return np.bincount(regions.labels, weights, minlength=n)[1:].astype(np.float64)

    known = np.isfinite(flat)
    area = np.stack([total(areas * own) for own in known.astype(np.float64)])
    summed = np.stack([total(areas * own) for own in np.where(known, flat, 0.0)])
    whole = total(np.asarray(areas, np.float64))
    coverage = np.divide(area, whole, out=np.zeros_like(area), where=whole > 0)
    good = coverage >= LEAST_KNOWN
    means = np.where(good, summed / np.where(good, area, 1.0), np.nan)
    shape = (*np.shape(values)[:-1], n - 1)
    return means.reshape(shape), coverage.reshape(shape)


def region_centres(places: Float, areas: Float, regions: Parcellation) -> Float:
    """Return the mean place in mm of each region's vertices, weighted by area, shape (region, 3).

    It lies off the surface where that is curved.
    """
    return region_means(np.asarray(places, np.float64).T, areas, regions)[0].T


def _name(text: str, side: str) -> str:
    """Return FreeSurfer's name of a region; one with a hemisphere of its own keeps it."""
    plain = text.strip()
    return canonical(plain) if HEMISPHERE.match(plain) else f"{side[0]}h_{plain}"
