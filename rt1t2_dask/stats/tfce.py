"""Threshold-free cluster enhancement and largest clusters of a map on a lattice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.lattice import F32, Lattice
from rt1t2_dask.stats.spatial_kernels import (
    cluster_maxima,
    descending,
    enhance,
    enhance_maximum,
)

SIDES = (1.0, -1.0)


@dataclass(frozen=True)
class Workspace:
    """Scratch arrays for one lattice; one a thread.

    Parameters
    ----------
    lattice : Lattice
        The grid and its neighbourhood.
    extent_power, height_power : float
        E and H of Smith & Nichols 2009: 0.5 and 2.
    """

    lattice: Lattice
    extent_power: float = 0.5
    height_power: float = 2.0
    parent: NDArray[np.int32] = field(init=False, repr=False)
    whole: NDArray[np.int32] = field(init=False, repr=False)
    real: NDArray[np.float64] = field(init=False, repr=False)
    bits: NDArray[np.uint32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = self.lattice.size
        object.__setattr__(self, "parent", np.full(size, -1, np.int32))
        object.__setattr__(self, "whole", np.empty((5, size), np.int32))
        object.__setattr__(self, "real", np.empty((2, size)))
        object.__setattr__(self, "bits", np.empty((2, size), np.uint32))

    def largest_clusters(self, grid: F32, height: float) -> NDArray[np.float64]:
        """Largest extent (voxels) and mass of each sign, shape (2 signs, 2).

        Parameters
        ----------
        grid : ndarray of float32, shape (cell,)
            From :meth:`Lattice.spread`.
        height : float
            Forming threshold, exceeded strictly; mass is the sum of the excess.
        """
        cells, size = self.whole[0], self.whole[1]
        steps = self.lattice.steps
        return np.array(
            [
                cluster_maxima(grid, s, height, steps, self.parent, cells, size, self.real[0])
                for s in SIDES
            ],
            np.float64,
        )

    def tfce(self, grid: F32) -> F32:
        """TFCE of both signs (negative where the map is), shape (cell,)."""
        out = np.zeros(self.lattice.size, np.float32)
        for side in SIDES:
            order, count = self._order(grid, side)
            tree, merged, size = self.whole[2], self.whole[3], self.whole[4]
            enhance(
                grid, side, order, count, self.lattice.steps,
                self.extent_power, self.height_power,
                self.parent, tree, merged, size, self.real[0], self.real[1], out,
            )  # fmt: skip
        return out

    def largest_tfce(self, grid: F32) -> NDArray[np.float64]:
        """Largest TFCE of each sign, shape (2,)."""
        tops = []
        for side in SIDES:
            order, count = self._order(grid, side)
            top = enhance_maximum(
                grid, side, order, count, self.lattice.steps,
                self.extent_power, self.height_power,
                self.parent, self.whole[4], self.real[0], self.real[1],
            )  # fmt: skip
            tops.append(top)
        return np.array(tops)

    def _order(self, grid: F32, side: float) -> tuple[NDArray[np.int32], int]:
        count = descending(grid, side, self.whole[0], self.whole[1], *self.bits)
        return self.whole[1], count


def tfce(
    values: NDArray[Any], lattice: Lattice, extent_power: float = 0.5, height_power: float = 2.0
) -> NDArray[np.float32]:
    """Enhance a map by the clusters that support each voxel.

    Parameters
    ----------
    values : ndarray, shape (voxel,)
        t or z in the mask's order; NaN counts as 0.
    lattice : Lattice
        The mask and its neighbourhood.
    extent_power, height_power : float
        E and H.

    Returns
    -------
    ndarray of float32, shape (voxel,)
        Integral from 0 to the value of e(h)^E h^H, exact; sign as the map's.

    Notes
    -----
    Smith & Nichols 2009 (NeuroImage 44:83) integrate in steps; the sum over
    components is piecewise constant in e, so it is integrated piece by piece.
    """
    workspace = Workspace(lattice, extent_power, height_power)
    return workspace.tfce(lattice.spread(values))[lattice.cells]
