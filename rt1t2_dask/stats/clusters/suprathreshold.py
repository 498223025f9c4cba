"""Suprathreshold voxels, which form clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.explained_variance import comparable, explained_at_height

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


@dataclass(frozen=True)
class Suprathreshold:
    """Suprathreshold voxels in each permutation.

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


EMPTY = Suprathreshold(np.empty(0, np.int16), np.empty(0, np.int32), np.empty(0, np.float32))


def suprathreshold_voxels(
    explained: F32, index: NDArray[np.intp], q: int, dof: float, nominal: float, height: float
) -> Suprathreshold:
    """Find suprathreshold voxels among voxels with the same degrees of freedom.

    Parameters
    ----------
    explained : ndarray, shape (voxel, relabeling)
        Signed u.
    index : ndarray of int, shape (voxel,)
        Of the block.
    q : int
        Rank of the contrast.
    dof, nominal : float
        Degrees of freedom of ``explained``, and of the returned values.
    height : float
        p, one-sided for t.
    """
    tall = np.abs(explained) > np.float32(explained_at_height(height, q, dof))
    permutation, row = np.nonzero(tall.T)
    found = explained[row, permutation]
    value = comparable(found, q, np.full(len(found), dof), nominal)
    return Suprathreshold(permutation.astype(np.int16), index[row].astype(np.int32), value)


def join(parts: Sequence[Suprathreshold]) -> Suprathreshold:
    """Concatenate suprathreshold voxels of several blocks."""
    permutation = np.concatenate([p.permutation for p in parts])
    order = np.argsort(permutation, kind="stable")
    return Suprathreshold(
        permutation[order],
        np.concatenate([p.voxel for p in parts])[order],
        np.concatenate([p.value for p in parts])[order],
    )
