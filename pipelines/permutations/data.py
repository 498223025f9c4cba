"""Residuals of a permutation test: kept in memory if they fit, else read in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.config.places import MEMORY_GB_A_WORKER
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, from_settings
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.voxelwise.blocks import BLOCK_BYTES, Block, Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.copy import ROLE as COPY
from rt1t2_dask.pipelines.voxelwise.copy import CopiedRows
from rt1t2_dask.stats.clusters.spatial import (
    CHUNK,
    Placed,
    Relabeled,
    Search,
    Statistic,
    merge_relabeled,
    relabel,
    relabel_in_chunks,
)
from rt1t2_dask.stats.permutation.blocks import prepare
from rt1t2_dask.stats.permutation.exchange import (
    Exchange,
    Method,
    Orders,
    PermutationPlan,
    plan,
)
from rt1t2_dask.stats.permutation.prepared import PreparedBlock
from rt1t2_dask.stats.permutation.tails import Tails, merge_batches
from rt1t2_dask.storage.keys import canonical

WIDE: dict[str, tuple[Statistic, ...]] = {"cluster": ("extent", "mass"), "tfce": ("tfce",)}
EVERY = 10**9
BATCH = 256
"""Relabelings done at once where a stage does all of them."""
FLOAT_BYTES = 4
CELL_BYTES = 64
LIBRARIES_BYTES = 650e6
KEPT_SHARE = 0.35
BLOCK_SHARE = 0.04
MAPS_SHARE = 0.12
BLOCK_COPIES = 4
COLUMNS_KEPT = 4
"""Of a voxel with columns of its own: residuals, jackknife's, who is present, its covariate."""


class RelabelSettings(ContrastSettings):
    """What every stage of a permutation test is told."""

    method: Method
    statistic: tuple[str, ...]
    forming_p: float
    seed: int
    early_stop: int | None
    exact: bool
    exchange: Exchange


class Memory:
    """Memory of a permutation test on a worker.

    Parameters
    ----------
    rows, voxels : int
        Maps, and voxels tested.
    maps : bool
        Whether TFCE needs whole maps.
    limit : float
        Memory limit of a worker, bytes.
    """

    def __init__(self, rows: int, voxels: int, maps: bool, limit: float) -> None:
        matrix = FLOAT_BYTES * rows * voxels
        self.limit = limit
        self.block_bytes = int(min(BLOCK_BYTES, BLOCK_SHARE * limit))
        most = int(MAPS_SHARE * limit) // (FLOAT_BYTES * voxels)
        map_bytes = voxels * FLOAT_BYTES if maps else 0
        least = LIBRARIES_BYTES + BLOCK_COPIES * self.block_bytes + CELL_BYTES * 2 * voxels
        kept_peak = least + matrix + CHUNK * map_bytes
        self.kept = matrix <= KEPT_SHARE * limit and kept_peak <= limit
        self.at_once = CHUNK if self.kept or not maps else max(CHUNK, most)
        self.peak = kept_peak if self.kept else least + self.at_once * map_bytes

    def require(self) -> None:
        """Refuse a test that does not fit in memory.

        Raises
        ------
        UserError
            With the numbers and the setting to change.
        """
        if self.peak > self.limit:
            raise UserError(
                f"permute needs {self.peak / 1e9:.2f} GB per worker, the limit is "
                f"{self.limit / 1e9:.2f}: raise cluster.memory_gb."
            )


def worker_bytes() -> float:
    """Return the memory limit of this process: the Dask worker's, else that of a worker."""
    from distributed import get_worker

    try:
        limit = get_worker().memory_manager.memory_limit
    except (ValueError, AttributeError):
        limit = None
    return float(limit or MEMORY_GB_A_WORKER * 1e9)


class Residualised:
    """The blocks of one contrast, visited once per pass.

    Parameters
    ----------
    inputs : Inputs
        Inputs of a stage with the contrast and its maps as parents.
    limit : float
        Memory limit in bytes; results do not depend on it.
    within : ndarray of bool, shape (x, y, z), optional
        Voxels to test of those that the contrast tested; all of them where left out.
    """

    def __init__(
        self, inputs: Inputs, limit: float, within: NDArray[np.bool_] | None = None
    ) -> None:
        settings = inputs.settings_as(RelabelSettings)
        self.settings = settings
        self.statistic_map = inputs.volume("contrast", "stat_t")
        tested = np.isfinite(self.statistic_map.data)
        self.inside: NDArray[np.bool_] = tested if within is None else tested & within
        self.design = from_settings(settings.design)
        self.group_variance = inputs.record("contrast")["group_variance"]
        wanted = [name for asked in settings.statistic for name in WIDE.get(asked, ())]
        self.search = Search.over(self.inside, settings.forming_p, wanted)
        self.voxels = int(self.inside.sum())
        self.held = Rows.of_covariate(inputs)
        own = 1 if self.held is None else COLUMNS_KEPT + self.design.matrix.shape[1]
        self.memory = Memory(own * self.design.n, self.voxels, self.search.tfce, limit)
        shape = self.statistic_map.grid.shape
        copied = bool(inputs.parts(COPY))
        self.rows = CopiedRows.open(inputs, shape[::-1]) if copied else Rows.open(inputs)
        block_bytes = self.memory.block_bytes // own
        self._blocks = voxel_blocks(shape, self.inside, self.design.n, block_bytes)
        self._kept: list[Placed] | None = None

    def read(self) -> None:
        """Read as much as fits in memory.

        Raises
        ------
        UserError
            Even single blocks do not fit.
        """
        self.memory.require()
        if self.memory.kept:
            self._kept = [self._placed(block) for block in self._blocks]

    def plan(self, n: int) -> PermutationPlan:
        """Return the first n relabelings."""
        asked, seed = EVERY if self.settings.exact else 0, self.settings.seed
        method, how = self.settings.method, self.settings.exchange
        return replace(plan(self.design, asked, seed, method=method, exchange=how), n=n)

    def blocks(self) -> Iterator[Placed]:
        """Return every block once."""
        yield from self._kept or map(self._placed, self._blocks)

    def relabel(self, orders: Orders) -> Relabeled:
        """Run relabelings over all blocks."""
        if self._kept is not None:
            return relabel_in_chunks(self._kept, orders, self.search)
        size = self.memory.at_once if self.search.tfce else len(orders)
        starts = range(0, len(orders), size)
        return merge_relabeled(
            [relabel(self.blocks(), orders[k : k + size], self.search) for k in starts]
        )

    def observed(self) -> NDArray[np.float64]:
        """Return z of the statistic as observed, shape (voxel,)."""
        z = np.full(self.voxels, np.nan)
        for index, block in self.blocks():
            z[index] = block.z
        return z

    def largest(self, n: int) -> Tails:
        """Return the largest statistic of each of the first n relabelings."""
        drawn = self.plan(n)
        spans = [(k, min(k + BATCH, n)) for k in range(0, n, BATCH)]
        return merge_batches([self.relabel(drawn.span(*own)).tails["max_t"] for own in spans])

    def data(self, block: Block) -> NDArray[np.float32]:
        """Read a block, shape (row, voxel); NaN where not measured."""
        return self.rows.read(block)

    def _placed(self, block: Block) -> Placed:
        prepared: PreparedBlock = prepare(
            self.data(block),
            self.design,
            self.plan(1),
            self.settings.variance,
            group_variance=self.group_variance,
            min_group_n=self.settings.min_group_n,
            min_group_share=self.settings.min_group_share,
            covariates=None if self.held is None else self.held.read(block)[None],
        )
        return block.index, prepared


_LOCK = Lock()
_LATEST: dict[bytes, Residualised] = {}


def residualised(inputs: Inputs) -> Residualised:
    """Return the contrast's residuals, read once by each worker while it works on one contrast."""
    told = set(RelabelSettings.model_fields)
    settings = inputs.settings_as(RelabelSettings).model_dump(mode="json", include=told)
    (contrast,) = (part.key for part in inputs.parts("contrast"))
    name = canonical({"lake": inputs.lake.store.url, "contrast": contrast, "settings": settings})
    with _LOCK:
        if name not in _LATEST:
            _LATEST.clear()
            _LATEST[name] = Residualised(inputs, worker_bytes())
            _LATEST[name].read()
        return _LATEST[name]


def forget() -> None:
    """Free the memory of the last contrast."""
    with _LOCK:
        _LATEST.clear()
