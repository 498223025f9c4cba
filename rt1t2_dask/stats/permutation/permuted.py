"""Explained variance of the voxels of a block under relabelings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.residuals import Residuals
from rt1t2_dask.stats.permutation.exchange import Orders
from rt1t2_dask.stats.permutation.kernels import F32, WIDTH, fill_maps, scan_partial
from rt1t2_dask.stats.permutation.panels import panels, permuted
from rt1t2_dask.stats.permutation.unequal_kernels import fill_unequal, scan_partial_unequal
from rt1t2_dask.stats.permutation.welch import Welch

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Unequal:
    """Relabelings prepared for tests with one variance per group.

    Parameters
    ----------
    count : int
        Relabelings.
    weights, masks : ndarray of float32
        Panels of the columns over each group, and of who is in it.
    gram : ndarray, shape (group, column, column)
        Of the columns over each group.
    dof, members : ndarray, shape (group,)
        Residual degrees of freedom of each group, and how many it has.
    q : int
        Rank of the contrast.
    nominal : float
        Degrees of freedom of the returned values.
    """

    count: int
    weights: F32
    masks: F32
    gram: F32
    dof: F32
    members: F32
    q: int
    nominal: float

    @classmethod
    def of(cls, left: Residuals, orders: Orders) -> Unequal:
        """Lay out the permuted rows that multiply residuals and their squares."""
        member = (left.group == np.arange(left.group.max() + 1)[:, None]).astype(np.float64)
        own = member[:, None] * left.columns
        gram = own @ left.columns.T
        rows = permuted(own.reshape(-1, len(left.group)), orders)
        return cls(
            count=len(orders),
            weights=panels(rows.astype(np.float32)),
            masks=panels(np.abs(permuted(member, orders)).astype(np.float32)),
            gram=gram.astype(np.float32),
            dof=(member.sum(axis=1) - np.trace(gram, axis1=1, axis2=2)).astype(np.float32),
            members=member.sum(axis=1).astype(np.float32),
            q=left.regressors,
            nominal=left.dof,
        )

    def explained(self, whole: F32) -> F32:
        """Compute signed u of tiles of unit residuals, shape (relabeling, voxel padded)."""
        maps = np.empty((self.count, len(whole) * WIDTH), np.float32)
        fill_unequal(
            whole, self.weights, self.masks, self.count, self.gram, self.dof, self.members,
            self.q, self.nominal, maps,
        )  # fmt: skip
        return maps


def permuted_weights(left: Residuals, orders: Orders, smith: bool) -> F32:
    """Return permuted rows in panels: (group, panel, term, ROWS)."""
    moved = permuted(left.columns, orders)
    if smith:
        regressor = moved[:, 0] - (moved[:, 0] @ left.columns[1:].T) @ left.columns[1:]
        moved = (regressor / np.linalg.norm(regressor, axis=1, keepdims=True))[:, None]
    rows = moved if len(left.basis) == moved.shape[2] else moved @ left.basis.T
    return panels(rows.astype(np.float32))


def columns_of(left: Residuals, smith: bool) -> tuple[int, int]:
    """Return the number of regressors and of all columns per permutation."""
    return (1, 1) if smith else (left.regressors, len(left.columns))


def explained_by_complete(left: Residuals, orders: Orders, smith: bool) -> F32:
    """Compute signed u of voxels without missing data, shape (permutation, voxel padded)."""
    if left.separate:
        ready = Welch if left.regressors == 1 else Unequal
        return ready.of(left, orders).explained(left.whole)
    maps = np.empty((len(orders), left.whole.shape[0] * WIDTH), np.float32)
    weights = permuted_weights(left, orders, smith)
    fill_maps(left.whole, weights, len(orders), *columns_of(left, smith), maps)
    return maps


def explained_by_partial(left: Residuals, voxels: slice, orders: Orders, smith: bool) -> F32:
    """Compute signed u of voxels with missing participants, shape (voxel, permutation)."""
    residuals = left.partial[voxels]
    scores = np.empty((len(residuals), len(orders)), np.float32)
    columns, present = left.partial_columns[voxels], left.partial_present[voxels]
    if left.separate:
        group, q, groups = left.group, left.regressors, int(left.group.max()) + 1
        scan_partial_unequal(
            residuals, columns, group, groups, present, orders, q, left.dof, scores
        )
        return scores
    scan_partial(residuals, columns, left.regressors, present, orders, smith, scores)
    return scores
