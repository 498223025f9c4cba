"""Mean-field smoothing of class probabilities over the voxels of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]


@compiled
def mean_field(share: F32, evidence: F32, neighbours: NDArray[np.int32], cost: F32) -> F32:
    """Update every voxel's class probabilities once from its neighbours'.

    Parameters
    ----------
    share : ndarray of float32, shape (voxel + 1, class)
        Present probabilities; the last row stands for what lies outside the mask: zeros.
    evidence : ndarray of float32, shape (voxel, class)
        Prior times likelihood, any scale above 0.
    neighbours : ndarray of int32, shape (voxel, neighbour)
        Rows of `share`.
    cost : ndarray of float32, shape (class, class)
        Energy of two neighbours of these classes.

    Returns
    -------
    ndarray of float32, shape (voxel + 1, class)
    """
    voxels, classes = evidence.shape
    new = np.zeros_like(share)
    around = np.empty(classes, dtype=np.float32)
    for voxel in range(voxels):
        around[:] = 0.0
        for other in neighbours[voxel]:
            for k in range(classes):
                around[k] += share[other, k]
        least = np.float32(np.inf)
        for k in range(classes):
            energy = np.float32(0.0)
            for m in range(classes):
                energy += cost[k, m] * around[m]
            new[voxel, k] = energy
            least = min(least, energy)
        total = np.float32(0.0)
        for k in range(classes):
            new[voxel, k] = evidence[voxel, k] * np.exp(least - new[voxel, k])
            total += new[voxel, k]
        for k in range(classes):
            new[voxel, k] /= total
    return new
