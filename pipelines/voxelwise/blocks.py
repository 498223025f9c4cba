"""Read the maps of a cohort by blocks, so that memory does not depend on the cohort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings, read_scaled
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.storage.arrays import chunk_edge

BLOCK_BYTES = 128 * 2**20
FLOAT_BYTES = 4
VOXELWISE = ("covariate", "covariate_partner")
"""Roles of the maps of a covariate that each voxel has of its own, and of those to subtract."""
Spans = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Block:
    """Voxels of a mask in one box of chunks.

    Parameters
    ----------
    box : tuple of slice
        Box to read, along z, y and x as stored in the lake.
    inside : ndarray of int
        Positions in the flattened box.
    index : ndarray of int
        Positions among the mask's voxels, in the order of ``volume[mask]`` with
        axes (x, y, z).
    """

    box: Spans
    inside: NDArray[np.intp]
    index: NDArray[np.intp]

    @property
    def voxels(self) -> int:
        """Number of mask voxels in the block."""
        return len(self.index)


def voxel_blocks(
    shape: tuple[int, int, int],
    mask: NDArray[np.bool_],
    n_subjects: int,
    budget_bytes: int = BLOCK_BYTES,
) -> list[Block]:
    """Divide a mask into blocks whose float32 data of all subjects fit a memory budget.

    Parameters
    ----------
    shape : tuple of int
        (x, y, z) of the maps.
    mask : ndarray of bool, shape (x, y, z)
    n_subjects : int
        Number of maps read together.
    budget_bytes : int
        Memory of one block's data; a block has at least one voxel.

    Returns
    -------
    list of Block
        Every voxel of the mask is in one block; boxes are whole inner chunks of the lake, split
        along z where a chunk exceeds the budget.
    """
    order = np.full(shape, -1, np.intp)
    order[mask] = np.arange(int(mask.sum()))
    stored = order.transpose(2, 1, 0)
    most = max(1, budget_bytes // (FLOAT_BYTES * max(1, n_subjects)))
    return [block for box in _boxes(stored.shape) for block in _cut(stored, box, most)]


class Rows:
    """The smoothed maps of a design's rows, opened once; pairs are subtracted.

    Parameters
    ----------
    maps, partners : list of DataArray, dimensions (z, y, x)
        One a row; ``partners``, which are subtracted, is empty where rows are no pairs.
    settings : ScaleSettings
        Of the stage: which gain and which scale.
    """

    def __init__(
        self,
        maps: list[xr.DataArray],
        partners: list[xr.DataArray],
        settings: ScaleSettings | None = None,
    ) -> None:
        self._maps, self._partners = maps, partners
        self._settings = settings or ScaleSettings()

    @classmethod
    def open(cls, inputs: Inputs) -> Rows:
        """Open the parents under ``row`` and ``partner``."""
        settings = inputs.settings_as(ScaleSettings)
        return cls(_opened(inputs, "row"), _opened(inputs, "partner"), settings)

    @classmethod
    def of_covariate(cls, inputs: Inputs) -> Rows | None:
        """Open each row's covariate map, where the contrast holds one at every voxel."""
        own, partners = (_opened(inputs, role, "smoothed_share") for role in VOXELWISE)
        return cls(own, partners) if own else None

    def __len__(self) -> int:
        return len(self._maps)

    def read(self, block: Block) -> NDArray[np.float32]:
        """Read a block, shape (row, voxel); NaN where not measured."""
        out = np.empty((len(self), block.voxels), np.float32)
        for k in range(len(self)):
            out[k] = self._row(k, block.box).reshape(-1)[block.inside]
        return out

    def volume(self, row: int) -> NDArray[np.float32]:
        """Read one row whole, shape (x, y, z)."""
        return self._row(row, (slice(None),) * 3).transpose(2, 1, 0)

    def baseline(
        self, block: Block, data: NDArray[np.float32], rows: Sequence[bool]
    ) -> NDArray[np.float64]:
        """Return the mean of selected rows, or of the partner maps, shape (voxel,)."""
        return baseline_mean(self.baseline_sums(block, data, rows), self._settings)

    def baseline_sums(
        self, block: Block, data: NDArray[np.float32], rows: Sequence[bool]
    ) -> NDArray[np.float64]:
        """Return sum and number of selected rows, or of the partner maps, shape (2, voxel).

        Parameters
        ----------
        block : Block
        data : ndarray, shape (row, voxel)
            Result of `read`.
        rows : sequence of bool
            Selected rows, for unpaired designs.
        """
        if self._partners:
            boxes = (self._partner(k, block.box) for k in range(len(self)))
            maps = [box.reshape(-1)[block.inside] for box in boxes]
        else:
            maps = [row for row, wanted in zip(data, rows, strict=True) if wanted]
        found = np.zeros((2, block.voxels))
        for row in maps:
            found[0] += np.nan_to_num(row, nan=0.0)
            found[1] += np.isfinite(row)
        return found

    def _row(self, k: int, box: Spans) -> NDArray[np.float32]:
        values = np.asarray(self._maps[k][box].to_numpy(), np.float32)
        values = read_scaled(self._settings, k, values)
        return values - self._partner(k, box) if self._partners else values

    def _partner(self, k: int, box: Spans) -> NDArray[np.float32]:
        values = np.asarray(self._partners[k][box].to_numpy(), np.float32)
        return read_scaled(self._settings, k, values, partner=True)


def baseline_mean(sums: NDArray[np.float64], settings: ScaleSettings) -> NDArray[np.float64]:
    """Return the mean of `Rows.baseline_sums`, on the scale before ``against`` is subtracted."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[0] / sums[1] + settings.against)


def _opened(inputs: Inputs, role: str, name: str = "smoothed") -> list[xr.DataArray]:
    return [inputs.lake.read(part)[name] for part in inputs.parts(role)]


def _boxes(shape: tuple[int, ...]) -> Iterator[Spans]:
    """Yield boxes of one inner chunk each."""
    spans = []
    for size in shape:
        edge = chunk_edge(size)
        spans.append([slice(a, min(a + edge, size)) for a in range(0, size, edge)])
    yield from product(*spans)


def _cut(stored: NDArray[np.intp], box: Spans, most: int) -> Iterator[Block]:
    """Split a box into blocks of at most so many mask voxels, along z and then by count."""
    order = stored[box].reshape(-1)
    inside = np.flatnonzero(order >= 0)
    for start in range(0, len(inside), most):
        part = inside[start : start + most]
        yield _tight(order, part, box)


def _tight(order: NDArray[np.intp], part: NDArray[np.intp], box: Spans) -> Block:
    """Restrict a box to the z slices with voxels."""
    z, y, x = box
    slice_size = (y.stop - y.start) * (x.stop - x.start)
    first, last = int(part[0]) // slice_size, int(part[-1]) // slice_size
    narrow = slice(z.start + first, z.start + last + 1)
    return Block((narrow, y, x), part - first * slice_size, order[part])
