"""Stage `left_out`: each person's mean over the clusters found with the other people only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, from_settings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.voxelwise.blocks import Block, Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.maps import analysis_mask, common_grid, scattered
from rt1t2_dask.stats.clusters.components import find
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.glm.reml import PooledCovariance, accumulate_cy, group_variances
from rt1t2_dask.stats.order.left_out import mean_over, without
from rt1t2_dask.stats.order.neighbours import SIGNS

PEOPLE = 6
"""Left out by one part, which reads everybody once: 5 parts of 29 people."""
READ_BYTES = 32 * 2**20
MEANS, CLUSTERS, VOLUME = "left_out_means", "left_out_clusters", "left_out_mm3"
Float = NDArray[np.float64]


class LeftOutSettings(ContrastSettings):
    """A contrast, whom to leave out one by one, and how clusters are formed.

    Parameters
    ----------
    first, last : int
        Rows from ``first`` up to ``last``.
    p, extent_mm3 : float
        The height, as p, and the extent that clusters are above.
    directions : tuple of str
        "rising", "falling" or both.
    """

    first: int
    last: int
    p: float
    extent_mm3: float
    directions: tuple[str, ...]


@dataclass(frozen=True)
class _Fold:
    """One person left out: the design of the others, and their t and dof, shape (2, voxel)."""

    row: int
    design: Design
    maps: NDArray[np.float32]


@dataclass(frozen=True)
class _Space:
    """The voxels tested, and how they are read."""

    rows: Rows
    grid: Grid
    inside: NDArray[np.bool_]
    blocks: list[Block]

    @classmethod
    def open(cls, inputs: Inputs, n: int) -> _Space:
        grid = common_grid(inputs)
        inside = analysis_mask(inputs, grid)
        return cls(Rows.open(inputs), grid, inside, voxel_blocks(grid.shape, inside, n, READ_BYTES))


def make(inputs: Inputs) -> Made:
    """Leave out each person of the part in turn."""
    settings = inputs.settings_as(LeftOutSettings)
    design = from_settings(settings.design)
    space = _Space.open(inputs, design.n)
    folds = _fitted(settings, design, space)
    count = settings.last - settings.first
    shape = count, len(settings.directions)
    clusters, volume = np.zeros(shape), np.zeros(shape)
    voxel_mm3 = abs(float(np.linalg.det(np.asarray(space.grid.affine)[:3, :3])))
    chosen: dict[tuple[int, int], NDArray[np.intp]] = {}
    for fold in folds:
        for d, name in enumerate(settings.directions):
            at = fold.row - settings.first, d
            clusters[at], chosen[at] = _clusters(settings, fold, space, name)
            volume[at] = len(chosen[at]) * voxel_mm3
    means = _means(space, chosen, (*shape, design.n))
    arrays = {MEANS: means, CLUSTERS: clusters, VOLUME: volume}
    return Made(
        xr.Dataset({name: table(name, values) for name, values in arrays.items()}),
        {"rows": list(range(settings.first, settings.last))},
    )


def _fitted(settings: LeftOutSettings, design: Design, space: _Space) -> list[_Fold]:
    """Fit the contrast without each person whom the others can do without."""
    voxels = int(space.inside.sum())
    folds = []
    for row in range(settings.first, settings.last):
        left = without(design, row)
        if left is not None:
            folds.append(_Fold(row, left, np.full((2, voxels), np.nan, np.float32)))
    variances = [None] * len(folds) if settings.variance != "spm_unequal" else _pooled(folds, space)
    for block in space.blocks:
        data = space.rows.read(block)
        for fold, variance in zip(folds, variances, strict=True):
            result = fit(
                np.delete(data, fold.row, axis=0),
                fold.design,
                settings.variance,
                group_variance=variance,
                min_group_n=settings.min_group_n,
                min_group_share=settings.min_group_share,
            )
            fold.maps[:, block.index] = result.t, result.dof
    return folds


def _pooled(folds: list[_Fold], space: _Space) -> list[dict[str, float] | None]:
    """Return the groups' relative variances without each person."""
    found: list[list[PooledCovariance]] = [[] for _ in folds]
    for block in space.blocks:
        data = space.rows.read(block)
        for own, fold in zip(found, folds, strict=True):
            own.append(accumulate_cy(np.delete(data, fold.row, axis=0), fold.design))
    each = zip(found, folds, strict=True)
    return [group_variances(reduce(add, own), fold.design) for own, fold in each]


def _clusters(
    settings: LeftOutSettings, fold: _Fold, space: _Space, direction: str
) -> tuple[int, NDArray[np.intp]]:
    """Return how many clusters there are in a direction, and their places among the voxels."""
    t, dof = (scattered(own, space.inside, space.grid).data for own in fold.maps)
    if not np.isfinite(t).any():
        return 0, np.empty(0, np.intp)
    found = find(
        t,
        space.grid.affine,
        dof,
        sign=SIGNS[direction],
        p=settings.p,
        extent_mm3=settings.extent_mm3,
        nominal_dof=fold.design.dof,
    )
    return len(found.clusters), np.flatnonzero(found.labels[space.inside])


def _means(
    space: _Space, chosen: dict[tuple[int, int], NDArray[np.intp]], shape: tuple[int, int, int]
) -> Float:
    """Average everybody over the clusters, each map read once."""
    means = np.full(shape, np.nan)
    for row in range(shape[-1]):
        values = space.rows.volume(row)[space.inside]
        for at, voxels in chosen.items():
            means[(*at, row)] = mean_over(values, voxels)
    return means
