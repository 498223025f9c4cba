"""Relabelings prepared for the fast kernel of Welch's t."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.residuals import Residuals
from rt1t2_dask.stats.permutation.exchange import Orders
from rt1t2_dask.stats.permutation.kernels import F32, I32, WIDTH
from rt1t2_dask.stats.permutation.panels import panels, permuted
from rt1t2_dask.stats.permutation.welch_kernels import fill_welch, scan_welch

Float = NDArray[np.float64]
_SAME = 1e-10


@dataclass(frozen=True)
class Welch:
    """Operands of the kernel for a set of relabelings.

    Parameters
    ----------
    count : int
        Relabelings.
    weights, masks : ndarray of float32
        Panels of the directions, and of who is in each variance group.
    still : bool
        Nobody is permuted.
    effect, quadratic, share, inverse : ndarray of float32
        As of `scan_welch`.
    nominal : float
        Degrees of freedom of the scores.
    """

    count: int
    weights: F32
    masks: F32
    still: bool
    effect: F32
    quadratic: F32
    share: F32
    inverse: F32
    nominal: float

    @classmethod
    def of(cls, left: Residuals, orders: Orders) -> Welch:
        """Lay out relabelings of residuals with one variance per group."""
        member = (left.group == np.arange(left.group.max() + 1)[:, None]).astype(np.float64)
        own = member[:, None] * left.columns
        gram = own @ left.columns.T
        directions = np.concatenate([_directions(columns) for columns in own])
        still = bool((np.where(orders < 0, ~orders, orders) == np.arange(orders.shape[1])).all())
        dof = member.sum(axis=1) - np.trace(gram, axis1=1, axis2=2)
        moved = permuted(member, orders[:1] if still else orders)
        return cls(
            count=len(orders),
            weights=panels(permuted(directions, orders).astype(np.float32)),
            masks=panels(np.abs(moved).astype(np.float32)),
            still=still,
            effect=(left.columns[0] @ directions.T).astype(np.float32),
            quadratic=np.ascontiguousarray(_quadratic(own, gram, directions), np.float32),
            share=(gram[:, 0, 0] / dof).astype(np.float32),
            inverse=(1 / dof).astype(np.float32),
            nominal=left.dof,
        )

    def scores(self, whole: F32) -> F32:
        """Compute signed scores of tiles of unit residuals, shape (relabeling, voxel padded)."""
        maps = np.empty((self.count, len(whole) * WIDTH), np.float32)
        fill_welch(whole, *self._kernel(), maps)
        return maps

    def explained(self, whole: F32) -> F32:
        """Compute signed u of tiles of unit residuals, shape (relabeling, voxel padded)."""
        return explained_of(self.scores(whole))

    def scan(
        self, whole: F32, bar: F32, tails: tuple[F32, F32], exceed: I32, height: float, tile: int,
        kept: tuple[NDArray[np.int16], I32, F32],
    ) -> tuple[int, int]:  # fmt: skip
        """Run the relabelings over tiles from one on; see `scan_welch`."""
        return scan_welch(
            whole, *self._kernel(), bar, tails[0], tails[1], exceed, height, tile,
            kept[0], kept[1], kept[2],
        )  # fmt: skip

    def _kernel(self) -> tuple[F32, F32, bool, int, F32, F32, F32, F32, float]:
        nominal = float(1 / (self.nominal * ((8 * self.nominal + 1) / (8 * self.nominal + 3)) ** 2))
        return (
            self.weights, self.masks, self.still, self.count, self.effect, self.quadratic,
            self.share, self.inverse, nominal,
        )  # fmt: skip


def explained_of(score: F32) -> F32:
    """Return signed explained variance u of signed scores -log(1 - u)."""
    return np.copysign(-np.expm1(-np.abs(score)), score)


def score_of(share: float) -> float:
    """Return the score of an explained variance; infinite from 1 on."""
    return float(-np.log1p(-share)) if share < 1 else float("inf")


def _directions(columns: Float) -> Float:
    """Return orthonormal rows that span those of one group, shape (rank, participant)."""
    _, size, rows = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(rows[size > _SAME])


def _quadratic(own: Float, gram: Float, directions: Float) -> Float:
    """Return each group's residual sum of squares as a quadratic form of the products."""
    split = own @ directions.T
    whole = split.sum(axis=0)
    cross = whole.T @ split
    form = whole.T @ gram @ whole - cross - np.swapaxes(cross, 1, 2)
    low = np.tril_indices(len(directions))
    return np.asarray(form[:, *low] * np.where(low[0] == low[1], 1.0, 2.0))
