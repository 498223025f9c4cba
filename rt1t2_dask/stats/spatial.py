"""Permutation nulls of cluster extent, cluster mass and TFCE: whole maps at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.exchange import Orders, PermutationPlan
from rt1t2_dask.stats.lattice import F32, Lattice
from rt1t2_dask.stats.permutation import (
    FEW_ROWS,
    NEARLY_ONE,
    TILE,
    PreparedBlock,
    Tails,
    merge_batches,
    partial_scores,
    permuted_weights,
)
from rt1t2_dask.stats.permutation_kernels import fill_maps
from rt1t2_dask.stats.random_field import height
from rt1t2_dask.stats.scores import at_dof
from rt1t2_dask.stats.tfce import Workspace

Statistic = Literal["extent", "mass", "tfce"]
Float = NDArray[np.float64]
TABLE = 4096


def spatial_batch(
    block: PreparedBlock,
    plan: PermutationPlan,
    batch: int,
    extents: Lattice,
    enhancement: Lattice | None = None,
    *,
    forming_p: float = 0.001,
    statistics: Sequence[Statistic] = ("extent", "mass", "tfce"),
) -> dict[Statistic, Tails]:
    """Largest cluster extent, cluster mass and TFCE of each permutation of a batch.

    Parameters
    ----------
    block : PreparedBlock
        All voxels of the mask at once, in its order.
    plan : PermutationPlan
        Which orders belong to the batch.
    batch : int
        0 to ``plan.n_batches - 1``.
    extents, enhancement : Lattice
        The mask with the neighbourhood of clusters, and of TFCE (default: the same).
    forming_p : float
        One-sided p of the cluster-forming threshold.
    statistics : sequence of {"extent", "mass", "tfce"}
        Which are wanted.

    Returns
    -------
    dict of str to Tails
        Per permutation; extent in voxels, mass in t x voxels, TFCE with E 0.5, H 2.
        Voxels that miss participants enter with the t of equal p at full freedom.
    """
    orders = plan.orders(batch)
    both = (Workspace(extents), Workspace(enhancement or extents))
    found: list[dict[Statistic, Tails]] = []
    for start in range(0, len(orders), FEW_ROWS):
        chunk = orders[start : start + FEW_ROWS]
        maps = statistic_maps(block, chunk, extents)
        found += [_largest(grid, both, block.residuals.dof, forming_p, statistics) for grid in maps]
    return {s: merge_batches([f[s] for f in found]) for s in statistics}


def observed_spatial(
    block: PreparedBlock,
    extents: Lattice,
    enhancement: Lattice | None = None,
    *,
    forming_p: float = 0.001,
    statistics: Sequence[Statistic] = ("extent", "mass", "tfce"),
) -> dict[Statistic, Tails]:
    """Give the statistics of :func:`spatial_batch` of the data as they are, each of shape (1,)."""
    both = (Workspace(extents), Workspace(enhancement or extents))
    (grid,) = statistic_maps(block, _identity(block), extents)
    return _largest(grid, both, block.residuals.dof, forming_p, statistics)


def observed_t(block: PreparedBlock, lattice: Lattice) -> F32:
    """Observed t at full freedom in the mask's order, 0 where not tested; for TFCE maps."""
    (grid,) = statistic_maps(block, _identity(block), lattice)
    observed: F32 = grid[lattice.cells]
    return observed


def statistic_maps(block: PreparedBlock, orders: Orders, lattice: Lattice) -> F32:
    """T maps of some permutations on the lattice's grid, shape (permutation, cell)."""
    left = block.residuals
    weights = permuted_weights(left, orders, block.smith, FEW_ROWS)
    columns = weights.shape[1]
    rows = weights.reshape(len(weights) * columns, -1)
    maps = np.zeros((len(weights), lattice.size), np.float32)
    cells = lattice.cells[left.index]
    for start in range(0, len(cells), TILE):
        scores = rows @ np.ascontiguousarray(left.whole[:, start : start + TILE])
        fill_maps(scores, columns, left.dof, cells[start : start + TILE], maps)
    if len(left.partial):
        scores = partial_scores(left, slice(None), orders, block.smith)
        t = _comparable(scores, left.partial_dof, left.dof)
        maps[: len(orders), lattice.cells[left.partial_index]] = t.T
    return maps[: len(orders)]


def _identity(block: PreparedBlock) -> Orders:
    return np.arange(block.residuals.columns.shape[1], dtype=np.int16)[None]


def _comparable(scores: NDArray[Any], dof: Float, nominal: float) -> F32:
    """T of equal p at the nominal freedom; the factor to it is tabled for each freedom."""
    out = np.empty(scores.shape, np.float32)
    for value in np.unique(dof).tolist():
        rows = dof == value
        root, factor = _factors(value, nominal)
        u = np.minimum(np.abs(scores[rows].astype(np.float64)), NEARLY_ONE)
        t = np.sqrt(value * u / (1 - u)) * np.interp(np.sqrt(u), root, factor)
        out[rows] = np.copysign(t, scores[rows])
    return out


@lru_cache(maxsize=128)
def _factors(dof: float, nominal: float) -> tuple[Float, Float]:
    root = np.linspace(1e-3, NEARLY_ONE, TABLE)
    own = root * np.sqrt(dof / (1 - root**2))
    return root, at_dof(own, dof, nominal) / own


def _largest(
    grid: F32,
    workspaces: tuple[Workspace, Workspace],
    dof: float,
    forming_p: float,
    statistics: Sequence[Statistic],
) -> dict[Statistic, Tails]:
    clusters, enhancement = workspaces
    found: dict[Statistic, Float] = {}
    if "extent" in statistics or "mass" in statistics:
        sizes = clusters.largest_clusters(grid, height(forming_p, dof))
        found |= {"extent": sizes[:, 0], "mass": sizes[:, 1]}
    if "tfce" in statistics:
        found["tfce"] = enhancement.largest_tfce(grid)
    return {s: Tails(found[s][:1], found[s][1:]) for s in statistics}
