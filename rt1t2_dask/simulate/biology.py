"""Healthy variation of the T1w/T2w ratio at several spatial scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.lattice import random_field

Image = NDArray[np.float32]
Labels = NDArray[np.int16]

N_PARCELS = 180
_SEED = 20250424
# Spread between people of the whole brain, of grey and of white matter, and of a parcel of grey
# matter, as shares of the ratio. Real people of one scanner: white 3.9 to 4.1, grey 2.8 to 5.3,
# thalamus 1.7 to 4.9 % (METHODS 2b, three and four people).
_WHOLE_SD, _CLASS_SD, _PARCEL_SD = 0.03, 0.015, 0.03
# Lattice spacing in mm and spread of the fields: 33, 16 and 9 mm wide at half maximum.
_FIELDS = ((24.0, 0.015), (12.0, 0.03), (7.0, 0.05))


@dataclass(frozen=True)
class Biology:
    """One healthy person's deviation from the template's ratio, as fractions.

    Parameters
    ----------
    field : ndarray of float32, shape (x, y, z)
        Of all brain tissue, on the T1w's grid.
    grey, white : float
        Added in grey and in white matter.
    parcels : ndarray, shape (N_PARCELS,)
        Added in the grey matter of each parcel.
    """

    field: Image
    grey: float
    white: float
    parcels: NDArray[np.float64]

    def at(self, field: Image, grey: Image, white: Image, labels: Labels) -> Image:
        """Return the deviation of pure brain tissue.

        Parameters
        ----------
        field : ndarray
            `field` at the points.
        grey, white : ndarray
            Tissue fractions there.
        labels : ndarray of int16
            Parcel there, 0 to N_PARCELS - 1.
        """
        tissue = np.maximum(grey + white, np.float32(1e-3))
        own = self.grey + self.parcels[labels]
        return np.asarray(field + (grey * own + white * self.white) / tissue, dtype=np.float32)


def draw_biology(rng: np.random.Generator, grid: Grid) -> Biology:
    """Draw one person's deviation on an axis-aligned grid."""
    whole, grey, white = rng.normal(0, (_WHOLE_SD, _CLASS_SD, _CLASS_SD))
    parcels = rng.normal(0, _PARCEL_SD, N_PARCELS)
    fields = [random_field(rng, grid, spacing_mm=s, sd=sd).on_grid(grid)[0] for s, sd in _FIELDS]
    return Biology((whole + sum(fields)).astype(np.float32), float(grey), float(white), parcels)


def label_parcels(grey: NDArray[np.floating], grid: Grid) -> Labels:
    """Parcellate space round evenly spread grey-matter points.

    Parameters
    ----------
    grey : ndarray, shape (x, y, z)
        Grey-matter fraction.
    grid : Grid
        Of it.

    Returns
    -------
    ndarray of int16, shape (x, y, z)
        0 to N_PARCELS - 1, the same in every process; about 20 mm across.

    Raises
    ------
    ValueError
        Fewer grey-matter voxels than parcels.
    """
    points = grid.world().reshape(-1, 3)
    candidates = points[np.asarray(grey).ravel() > 0.5]
    if len(candidates) < N_PARCELS:
        raise ValueError(f"{len(candidates)} grey-matter voxels for {N_PARCELS} parcels")
    seeds = _spread_evenly(candidates, np.random.default_rng(_SEED))
    _, nearest = cKDTree(seeds).query(points)
    return np.asarray(nearest, dtype=np.int16).reshape(grid.shape)


def _spread_evenly(
    candidates: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.floating]:
    """Choose points by farthest-point sampling."""
    drawn = candidates[rng.choice(len(candidates), min(len(candidates), 20 * N_PARCELS), False)]
    taken = [drawn[0]]
    distance = np.full(len(drawn), np.inf)
    while len(taken) < N_PARCELS:
        distance = np.minimum(distance, np.linalg.norm(drawn - taken[-1], axis=1))
        taken.append(drawn[int(np.argmax(distance))])
    return np.stack(taken)
