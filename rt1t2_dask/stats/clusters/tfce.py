"""Threshold-free cluster enhancement and largest clusters of a map on a lattice."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.clusters.lattice import Lattice
from rt1t2_dask.stats.clusters.spatial_kernels import cluster_maxima, descending
from rt1t2_dask.stats.clusters.tfce_kernels import Powers, Steps, enhance, enhance_maximum

F32 = NDArray[np.float32]
SIDES = (1.0, -1.0)


@dataclass(frozen=True)
class Workspace:
    """Scratch arrays for one lattice; one per thread.

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
    label: NDArray[np.uint32] = field(init=False, repr=False)
    root: NDArray[np.uint32] = field(init=False, repr=False)
    parent: NDArray[np.int32] = field(init=False, repr=False)
    whole: NDArray[np.int32] = field(init=False, repr=False)
    real: NDArray[np.float64] = field(init=False, repr=False)
    bits: NDArray[np.uint32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = self.lattice.size
        object.__setattr__(self, "label", np.zeros(size, np.uint32))
        object.__setattr__(self, "root", np.zeros((2, size + 1), np.uint32))
        object.__setattr__(self, "parent", np.full(size, -1, np.int32))
        object.__setattr__(self, "whole", np.empty((5, size), np.int32))
        object.__setattr__(self, "real", np.empty((3, size)))
        object.__setattr__(self, "bits", np.empty((2, size + 1), np.uint32))

    @cached_property
    def steps(self) -> Steps:
        """Return the steps to the neighbours as a tuple of fixed length for the compiler."""
        return tuple(self.lattice.steps.tolist())

    @property
    def powers(self) -> Powers:
        """Return E and H."""
        return float(self.extent_power), float(self.height_power)

    def largest_clusters(
        self, cells: NDArray[np.int32], values: F32, height: float
    ) -> NDArray[np.float64]:
        """Find the largest extent (voxels) and mass of each sign, shape (2 signs, 2).

        Parameters
        ----------
        cells, values : ndarray, shape (voxel,)
            Cells of the lattice, and the map there; subthreshold voxels may be omitted.
        height : float
            Forming threshold, exceeded strictly; mass is the sum of the excess.
        """
        size, steps = self.whole[0], self.lattice.steps
        found = [
            cluster_maxima(cells, values, s, height, steps, self.parent, size, self.real[0])
            for s in SIDES
        ]
        return np.array(found, np.float64)

    def tfce(self, values: F32) -> F32:
        """Compute TFCE of both signs (negative where the map is); shape (voxel,)."""
        out = np.zeros(self.lattice.size, np.float32)
        root, links = self.root
        for side in SIDES:
            cells, heights, count = self._order(values, side)
            _, _, tree, merged, size = self.whole
            enhance(
                cells, heights, count, self.steps, self.powers,
                self.label, root, links, tree, merged, size,
                self.real[0], self.real[1], self.real[2], out, side,
            )  # fmt: skip
        return out[self.lattice.cells]

    def largest_tfce(self, values: F32) -> NDArray[np.float64]:
        """Find the largest TFCE of each sign, shape (2,), of a map of shape (voxel,)."""
        tops = []
        root, links = self.root
        for side in SIDES:
            cells, heights, count = self._order(values, side)
            top = enhance_maximum(
                cells, heights, count, self.steps, self.powers,
                self.label, root, links, self.whole[2], self.real[0], self.real[1],
            )  # fmt: skip
            tops.append(top)
        return np.array(tops)

    def _order(self, values: F32, side: float) -> tuple[NDArray[np.int32], F32, int]:
        cells = self.lattice.cells
        count = descending(values, cells, side, self.whole[0], self.whole[1], *self.bits)
        return self.whole[1], self.bits[1].view(np.float32), count


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
    return workspace.tfce(np.nan_to_num(np.asarray(values, np.float32), nan=0.0))
