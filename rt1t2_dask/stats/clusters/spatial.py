"""Permutation nulls of max-t, cluster extent, cluster mass and TFCE from one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.clusters.lattice import lattice
from rt1t2_dask.stats.clusters.spaces import Scratch, Space, workspace
from rt1t2_dask.stats.clusters.suprathreshold import EMPTY, Suprathreshold, join
from rt1t2_dask.stats.glm.explained_variance import (
    comparable,
    explained_at_height,
    explained_to_statistic,
)
from rt1t2_dask.stats.mesh.neighbourhood import Neighbourhood
from rt1t2_dask.stats.permutation.blocks import run_orders
from rt1t2_dask.stats.permutation.exchange import Orders, PermutationPlan
from rt1t2_dask.stats.permutation.permuted import explained_by_complete, explained_by_partial
from rt1t2_dask.stats.permutation.prepared import PreparedBlock, identity
from rt1t2_dask.stats.permutation.tails import Tails, merge_batches, merge_blocks

Statistic = Literal["extent", "mass", "tfce"]
ALL: tuple[Statistic, ...] = ("extent", "mass", "tfce")
Float = NDArray[np.float64]
F32 = NDArray[np.float32]
CHUNK = 16
CLUSTER_NEIGHBOURS: Final = 18
TFCE_NEIGHBOURS: Final = 26

Placed = tuple[NDArray[np.intp], PreparedBlock]


@dataclass(frozen=True)
class Search:
    """Cluster statistics of the map of each relabeling.

    Parameters
    ----------
    extents, enhancement : Lattice or Neighbourhood
        The mask, or the tested vertices of a mesh, with the neighbourhood of clusters, and of TFCE.
    forming_p : float
        p of the cluster-forming threshold, one-sided for t.
    statistics : sequence of {"extent", "mass", "tfce"}
        Which are computed beside the largest statistic.
    powers : tuple of float, optional
        E and H of TFCE; default .5 and 2 on voxels, 1 and 2 on meshes.
    """

    extents: Space
    enhancement: Space
    forming_p: float = 0.001
    statistics: Sequence[Statistic] = ALL
    powers: tuple[float, float] | None = None

    @classmethod
    def over(
        cls, mask: NDArray[np.bool_], forming_p: float, statistics: Sequence[Statistic]
    ) -> Search:
        """Search a mask, shape (x, y, z): clusters of 18 neighbours, TFCE of 26."""
        extents, enhancement = lattice(mask, CLUSTER_NEIGHBOURS), lattice(mask, TFCE_NEIGHBOURS)
        return cls(extents, enhancement, forming_p, statistics)

    def height(self, rank: int, dof: float) -> float:
        """Return the cluster-forming threshold in t (or F, of ``rank`` regressors)."""
        return float(
            explained_to_statistic(explained_at_height(self.forming_p, rank, dof), rank, dof)
        )

    @classmethod
    def on(
        cls,
        space: Neighbourhood,
        forming_p: float,
        statistics: Sequence[Statistic],
        powers: tuple[float, float] | None = None,
    ) -> Search:
        """Search the tested vertices of a mesh, neighbours where they share an edge."""
        return cls(space, space, forming_p, statistics, powers)

    def enhance(self, values: NDArray[Any]) -> F32:
        """Compute TFCE of a map, shape (voxel,); NaN counts as 0, sign as the map's."""
        return self.enhancer().tfce(np.nan_to_num(np.asarray(values, np.float32), nan=0.0))

    def enhancer(self) -> Scratch:
        """Return scratch arrays for TFCE of the search's powers, for one thread."""
        return workspace(self.enhancement, self.powers)

    @property
    def clusters(self) -> bool:
        """Whether clusters are formed."""
        return "extent" in self.statistics or "mass" in self.statistics

    @property
    def tfce(self) -> bool:
        """Whether whole maps are needed."""
        return "tfce" in self.statistics


@dataclass(frozen=True)
class Relabeled:
    """Results of a set of relabelings.

    Parameters
    ----------
    tails : dict of str to Tails
        ``max_t`` as normal deviates, and the statistics of the search: extent in
        voxels, mass in t x voxels; on a mesh mm^2 and t x mm^2.
    exceed : ndarray of int32, shape (voxel,)
        Relabelings that reached the observed statistic.
    """

    tails: dict[str, Tails]
    exceed: NDArray[np.int32]


def relabel(blocks: Iterable[Placed], orders: Orders, search: Search) -> Relabeled:
    """Run relabelings over the blocks of a mask, each visited once.

    Parameters
    ----------
    blocks : iterable of (index, PreparedBlock)
        Positions of the block's voxels in the mask, and the block.
    orders : ndarray of int16, shape (relabeling, participant)
        From :meth:`PermutationPlan.orders`.
    search : Search

    Notes
    -----
    Holds float32 of shape (relabeling, voxel) where TFCE is wanted, else only suprathreshold
    voxels. Voxels that miss participants enter clusters and TFCE with the t of equal p at full
    freedom.
    """
    voxels, count = len(search.extents.cells), len(orders)
    exceed = np.zeros(voxels, np.int32)
    maps = np.zeros((count if search.tfce else 0, voxels), np.float32)
    tails, suprathreshold, dof, rank = [], [EMPTY], 1.0, 1
    for index, block in blocks:
        found = run_orders(block, orders, search.forming_p if search.clusters else None)
        tails.append(found.tails)
        exceed[index] = found.exceed
        suprathreshold.append(_moved(found.suprathreshold, index))
        dof, rank = block.residuals.dof, block.residuals.regressors
        if search.tfce:
            maps[:, index] = statistic_maps(block, orders)
    whole = {"max_t": merge_blocks(tails)}
    if search.clusters:
        whole |= _clusters(join(suprathreshold), count, search, search.height(rank, dof))
    if search.tfce:
        enhancer = search.enhancer()
        tops = np.array([enhancer.largest_tfce(row) for row in maps])
        whole["tfce"] = Tails(tops[:, 0], tops[:, 1])
    return Relabeled(whole, exceed)


def relabel_in_chunks(blocks: Sequence[Placed], orders: Orders, search: Search) -> Relabeled:
    """Run :func:`relabel` with only a few maps in memory at a time."""
    size = CHUNK if search.tfce else len(orders)
    starts = range(0, len(orders), size)
    return merge_relabeled([relabel(blocks, orders[k : k + size], search) for k in starts])


def merge_relabeled(parts: Sequence[Relabeled]) -> Relabeled:
    """Concatenate the results of consecutive relabelings."""
    names = parts[0].tails
    tails = {name: merge_batches([p.tails[name] for p in parts]) for name in names}
    return Relabeled(tails, np.sum([p.exceed for p in parts], axis=0, dtype=np.int32))


def spatial_batch(
    block: PreparedBlock,
    plan: PermutationPlan,
    batch: int,
    extents: Space,
    enhancement: Space | None = None,
    *,
    forming_p: float = 0.001,
    statistics: Sequence[Statistic] = ALL,
) -> dict[str, Tails]:
    """Compute the largest cluster extent, mass and TFCE of each permutation of a batch.

    Parameters
    ----------
    block : PreparedBlock
        All voxels of the mask at once, in its order.
    plan : PermutationPlan
        Which orders belong to the batch.
    batch : int
        0 to ``plan.n_batches - 1``.
    extents, enhancement, forming_p, statistics
        See :class:`Search`; TFCE takes the neighbourhood of clusters if none is given.
    """
    search = Search(extents, enhancement or extents, forming_p, statistics)
    return relabel_in_chunks([_all(block)], plan.orders(batch), search).tails


def observed_spatial(
    block: PreparedBlock,
    extents: Space,
    enhancement: Space | None = None,
    *,
    forming_p: float = 0.001,
    statistics: Sequence[Statistic] = ALL,
) -> dict[str, Tails]:
    """Return the statistics of :func:`spatial_batch` of the data as observed, shape (1,) each."""
    search = Search(extents, enhancement or extents, forming_p, statistics)
    return relabel([_all(block)], identity(block.participants), search).tails


def observed_statistic(block: PreparedBlock) -> F32:
    """Return the observed t (or F) at full degrees of freedom, 0 where not tested, for TFCE."""
    (values,) = statistic_maps(block, identity(block.participants))
    return np.asarray(values, np.float32)


def statistic_maps(block: PreparedBlock, orders: Orders) -> F32:
    """Return maps of t (or F) of relabelings, shape (relabeling, voxel), 0 where not tested."""
    left = block.moved(orders)
    maps = np.zeros((len(orders), block.voxels), np.float32)
    for out, explained in zip(maps, explained_by_complete(left, orders, block.smith), strict=True):
        used = explained[: len(left.index)]
        out[left.index] = explained_to_statistic(used, left.regressors, left.dof)
    if len(left.partial):
        explained = explained_by_partial(left, slice(None), orders, block.smith)
        own = comparable(explained, left.regressors, left.partial_dof, left.dof)
        maps[:, left.partial_index] = own.T
    return maps


def _all(block: PreparedBlock) -> Placed:
    return np.arange(block.voxels), block


def _moved(found: Suprathreshold, index: NDArray[np.intp]) -> Suprathreshold:
    return Suprathreshold(found.permutation, index[found.voxel].astype(np.int32), found.value)


def _clusters(found: Suprathreshold, count: int, search: Search, height: float) -> dict[str, Tails]:
    scratch = workspace(search.extents)
    edges = np.searchsorted(found.permutation, np.arange(count + 1))
    cells = search.extents.cells[found.voxel]
    largest = np.array(
        [scratch.largest_clusters(cells[a:b], found.value[a:b], height) for a, b in _pairs(edges)]
    )
    kinds: dict[str, Any] = {"extent": largest[:, :, 0], "mass": largest[:, :, 1]}
    wanted = [name for name in kinds if name in search.statistics]
    return {name: Tails(kinds[name][:, 0], kinds[name][:, 1]) for name in wanted}


def _pairs(edges: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
