"""Residuals and observed statistic of a block of voxels, prepared for relabelings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.explained_variance import explained_to_z
from rt1t2_dask.stats.glm.jackknife import jackknife_residuals
from rt1t2_dask.stats.glm.residuals import Residuals
from rt1t2_dask.stats.permutation.exchange import Orders
from rt1t2_dask.stats.permutation.kernels import F32

Float = NDArray[np.float64]


@dataclass(frozen=True)
class PreparedBlock:
    """Residuals of a block of voxels, prepared for any batch.

    Parameters
    ----------
    voxels : int
        Voxels of the block, tested or not.
    residuals : Residuals
        Unit residuals and the columns to permute.
    smith : bool
        Permute the regressor instead of the residuals.
    jackknife : bool
        Relabel jackknife residuals (`jackknife_residuals`).
    whole_u, partial_u : ndarray of float32
        Observed signed u of the voxels where all, or only some, were measured.
    """

    voxels: int
    residuals: Residuals
    smith: bool
    jackknife: bool
    whole_u: F32
    partial_u: F32

    @property
    def participants(self) -> int:
        """Number of rows that are relabeled."""
        return int(self.residuals.columns.shape[1])

    @cached_property
    def null(self) -> Residuals:
        """Residuals that are relabeled."""
        return jackknife_residuals(self.residuals) if self.jackknife else self.residuals

    def moved(self, orders: Orders) -> Residuals:
        """Return the residuals to relabel; the observed ones for the identity."""
        unmoved = np.array_equal(orders, identity(self.participants))
        return self.residuals if unmoved else self.null

    @cached_property
    def z(self) -> Float:
        """Compute the observed statistic as z, shape (voxel,); NaN where not tested."""
        left = self.residuals
        z = np.full(self.voxels, np.nan)
        z[left.index] = explained_to_z(self.whole_u, left.regressors, left.dof)
        z[left.partial_index] = explained_to_z(self.partial_u, left.regressors, left.partial_dof)
        return z


def identity(participants: int) -> Orders:
    """Return the relabeling that changes nothing, shape (1, participant)."""
    return np.arange(participants, dtype=np.int16)[None]
