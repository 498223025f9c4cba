"""Voxels above a height, which clusters are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.shares import comparable, height_share

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


@dataclass(frozen=True)
class Above:
    """Voxels above a height in each permutation.

    Parameters
    ----------
    permutation : ndarray of int16, ascending
        Row of the batch.
    voxel : ndarray of int32
        Of the block.
    value : ndarray of float32
        t, or F, of equal p at full freedom.
    """

    permutation: NDArray[np.int16]
    voxel: I32
    value: F32


EMPTY = Above(np.empty(0, np.int16), np.empty(0, np.int32), np.empty(0, np.float32))


def above_height(
    shares: F32, index: NDArray[np.intp], q: int, dof: float, nominal: float, height: float
) -> Above:
    """Find the voxels above a height among some with the same degrees of freedom.

    Parameters
    ----------
    shares : ndarray, shape (voxel, relabeling)
        Signed u.
    index : ndarray of int, shape (voxel,)
        Of the block.
    q : int
        Rank of the contrast.
    dof, nominal : float
        Degrees of freedom of the shares, and those values are given at.
    height : float
        p, one-sided for t.
    """
    tall = np.abs(shares) > np.float32(height_share(height, q, dof))
    permutation, row = np.nonzero(tall.T)
    found = shares[row, permutation]
    value = comparable(found, q, np.full(len(found), dof), nominal)
    return Above(permutation.astype(np.int16), index[row].astype(np.int32), value)


def join(parts: Sequence[Above]) -> Above:
    """Voxels above a height in several blocks, or of several kinds."""
    permutation = np.concatenate([p.permutation for p in parts])
    order = np.argsort(permutation, kind="stable")
    return Above(
        permutation[order],
        np.concatenate([p.voxel for p in parts])[order],
        np.concatenate([p.value for p in parts])[order],
    )
