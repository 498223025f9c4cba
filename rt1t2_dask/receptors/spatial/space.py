"""Region coordinates, hemispheres and structures for spatial nulls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
_MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Space:
    """The coordinates and structures of an atlas's regions.

    Parameters
    ----------
    xyz : ndarray, shape (region, 3)
        Centroids in mm; x = 0 is the midline.
    structure : ndarray of int, shape (region,)
        Number of the structure (cortex, subcortex, cerebellum) each belongs to, from 0.
    """

    xyz: Floats
    structure: Integers

    @cached_property
    def distance(self) -> Floats:
        """Between regions in mm, shape (region, region)."""
        return np.asarray(np.linalg.norm(self.xyz[:, None] - self.xyz[None], axis=-1))

    @cached_property
    def mirrored(self) -> Floats:
        """Between each region and the mirror image of each other, in mm."""
        across = np.linalg.norm(self.xyz[:, None] - self.xyz[None] * _MIRROR, axis=-1)
        return np.asarray((across + across.T) / 2)

    @cached_property
    def indicator(self) -> Floats:
        """Indicator of each region's structure, shape (region, structure)."""
        return np.asarray(self.structure[:, None] == np.unique(self.structure), dtype=np.float64)

    @property
    def averaging(self) -> Floats:
        """Averaging matrix of structures, shape (structure, region)."""
        return np.asarray((self.indicator / self.indicator.sum(axis=0)).T)


def of_regions(table: pd.DataFrame) -> Space:
    """Return the space of regions tabled with x_mm, y_mm, z_mm and, where known, structure.

    Parameters
    ----------
    table : DataFrame, a row a region
        As `rt1t2_dask.atlas.regions`; without ``structure`` all regions are of one.
    """
    xyz = table[["x_mm", "y_mm", "z_mm"]].to_numpy(dtype=np.float64)
    known = table["structure"] if "structure" in table else pd.Series(["all"] * len(table))
    codes = np.unique(known.to_numpy(dtype=str), return_inverse=True)[1]
    return Space(xyz, codes.astype(np.intp))
