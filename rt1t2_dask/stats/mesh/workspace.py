"""Threshold-free cluster enhancement and largest clusters of a map on a mesh."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.clusters.spatial_kernels import descending
from rt1t2_dask.stats.clusters.tfce_kernels import Powers
from rt1t2_dask.stats.mesh.kernels import enhance_mesh, enhance_mesh_maximum, mesh_maxima
from rt1t2_dask.stats.mesh.neighbourhood import Neighbourhood

F32 = NDArray[np.float32]
SIDES = (1.0, -1.0)
EXTENT_POWER, HEIGHT_POWER = 1.0, 2.0
"""E and H on surfaces: PALM's ``-tfce2D`` (Winkler et al. 2014, NeuroImage 92:381), randomise's
``--T2`` apart from its connectivity; volumes take .5 and 2 (Smith & Nichols 2009)."""


@dataclass(frozen=True)
class MeshWorkspace:
    """Scratch arrays for one neighbourhood; one per thread.

    Parameters
    ----------
    space : Neighbourhood
        The tested vertices.
    extent_power, height_power : float
        E, of the cluster's area in mm^2, and H.
    """

    space: Neighbourhood
    extent_power: float = EXTENT_POWER
    height_power: float = HEIGHT_POWER
    label: NDArray[np.uint32] = field(init=False, repr=False)
    root: NDArray[np.uint32] = field(init=False, repr=False)
    parent: NDArray[np.int32] = field(init=False, repr=False)
    whole: NDArray[np.int32] = field(init=False, repr=False)
    real: NDArray[np.float64] = field(init=False, repr=False)
    bits: NDArray[np.uint32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = len(self.space.cells)
        object.__setattr__(self, "label", np.zeros(size, np.uint32))
        object.__setattr__(self, "root", np.zeros((2, size + 1), np.uint32))
        object.__setattr__(self, "parent", np.full(size, -1, np.int32))
        object.__setattr__(self, "whole", np.empty((4, size + 1), np.int32))
        object.__setattr__(self, "real", np.empty((4, size + 1)))
        object.__setattr__(self, "bits", np.empty((2, size + 1), np.uint32))

    @property
    def powers(self) -> Powers:
        """Return E and H."""
        return float(self.extent_power), float(self.height_power)

    def largest_clusters(
        self, cells: NDArray[np.int32], values: F32, height: float
    ) -> NDArray[np.float64]:
        """Find the largest area (mm^2) and mass (t x mm^2) of each sign, shape (2 signs, 2).

        Parameters
        ----------
        cells, values : ndarray, shape (vertex,)
            Tested vertices, and the map there; subthreshold vertices may be omitted.
        height : float
            Forming threshold, exceeded strictly; mass is the sum of excess x vertex area.
        """
        lists, (size, mass) = self._lists, self.real[:2]
        found = [
            mesh_maxima(cells, values, s, height, *lists, self.parent, size, mass) for s in SIDES
        ]
        return np.array(found, np.float64)

    def tfce(self, values: F32) -> F32:
        """Compute TFCE of both signs (negative where the map is); shape (vertex,)."""
        out = np.zeros(len(self.space.cells), np.float32)
        root, links = self.root
        size, settled, area, entry = self.real
        for side in SIDES:
            cells, heights, count = self._order(values, side)
            enhance_mesh(
                cells, heights, count, *self._lists, self.powers, self.label, root, links,
                self.whole[2], self.whole[3], size, settled, area, entry, out, side,
            )  # fmt: skip
        return out

    def largest_tfce(self, values: F32) -> NDArray[np.float64]:
        """Find the largest TFCE of each sign, shape (2,), of a map of shape (vertex,)."""
        tops = []
        root, links = self.root
        size, settled, area, _ = self.real
        for side in SIDES:
            cells, heights, count = self._order(values, side)
            top = enhance_mesh_maximum(
                cells, heights, count, *self._lists, self.powers, self.label, root, links,
                self.whole[2], size, settled, area,
            )  # fmt: skip
            tops.append(top)
        return np.array(tops)

    @property
    def _lists(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
        return self.space.indptr, self.space.indices, self.space.areas

    def _order(self, values: F32, side: float) -> tuple[NDArray[np.int32], F32, int]:
        order, other = self.whole[:2]
        count = descending(values, self.space.cells, side, order, other, *self.bits)
        return other, self.bits[1].view(np.float32), count


def mesh_tfce(
    values: NDArray[Any],
    space: Neighbourhood,
    extent_power: float = EXTENT_POWER,
    height_power: float = HEIGHT_POWER,
) -> F32:
    """Enhance a map by the clusters that support each vertex.

    Parameters
    ----------
    values : ndarray, shape (vertex,)
        t or z at the tested vertices; NaN counts as 0.
    space : Neighbourhood
        The tested vertices.
    extent_power, height_power : float
        E and H.

    Returns
    -------
    ndarray of float32, shape (vertex,)
        Integral from 0 to the value of e(h)^E h^H, e the area in mm^2, exact; sign as the map's.

    Notes
    -----
    Smith & Nichols 2009 (NeuroImage 44:83), with the area of a cluster for its extent as PALM.
    """
    workspace = MeshWorkspace(space, extent_power, height_power)
    return workspace.tfce(np.nan_to_num(np.asarray(values, np.float32), nan=0.0))
