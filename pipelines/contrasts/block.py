"""Stages `contrast_block` and `contrast_covariance`: one share of a contrast's voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, from_settings
from rt1t2_dask.pipelines.contrasts.stat_maps import maps_of
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.voxelwise.blocks import Block, Rows
from rt1t2_dask.pipelines.voxelwise.maps import common_grid
from rt1t2_dask.pipelines.voxelwise.shares import VoxelShare, own_blocks
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import GlmResult, fit
from rt1t2_dask.stats.glm.noise import estimate, noise_model
from rt1t2_dask.stats.glm.reml import PooledCovariance, accumulate_cy, group_variances
from rt1t2_dask.stats.glm.voxelwise import fit_voxelwise, slopes, without

Float = NDArray[np.float64]
COVARIANCE = "block_covariance"


class BlockSettings(ContrastSettings, VoxelShare):
    """A contrast, and which share of its voxels of how many."""


@dataclass(frozen=True)
class Fitted:
    """What the fit of all rows tells of some voxels.

    Parameters
    ----------
    index : ndarray of int, shape (voxel,)
        Place among the mask's voxels.
    maps : ndarray of float32, shape (map, voxel)
        In the order of `maps_of`.
    mean, deviation : ndarray, shape (voxel,)
        What effects are a share of, and the residual standard deviation.
    complete : ndarray of bool, shape (voxel,)
    estimates : ndarray, shape (column, voxel)
        In the basis of the noise model.
    slopes : ndarray, shape (covariate, voxel)
        Of the covariates that each voxel has of its own.
    """

    index: NDArray[np.intp]
    maps: NDArray[np.float32]
    mean: Float
    deviation: Float
    complete: NDArray[np.bool_]
    estimates: Float
    slopes: Float

    def to_dataset(self) -> xr.Dataset:
        """Return the arrays of the lake."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return xr.Dataset({f"block_{n}": table(f"block_{n}", own) for n, own in found.items()})

    @classmethod
    def read(cls, datasets: Sequence[xr.Dataset]) -> Fitted:
        """Read the blocks of a contrast, in the order of the mask's voxels."""
        names = (f.name for f in fields(cls))
        return cls.joined(
            {n: [d[f"block_{n}"].to_numpy() for d in datasets] for n in names}
        ).sorted()

    @classmethod
    def joined(cls, parts: Mapping[str, Sequence[NDArray[Any]]]) -> Fitted:
        """Join arrays of several blocks, by name, along the voxels."""
        return cls(**{name: np.concatenate(own, axis=-1) for name, own in parts.items()})

    def sorted(self) -> Fitted:
        """Return the same in the order of the mask's voxels."""
        order = np.argsort(self.index)
        return Fitted(**{f.name: getattr(self, f.name)[..., order] for f in fields(self)})


def make(inputs: Inputs) -> Made:
    """Fit the design at every voxel of the share."""
    settings = inputs.settings_as(BlockSettings)
    design, rows = from_settings(settings.design), Rows.open(inputs)
    held, variance = Rows.of_covariate(inputs), group_variance_of(inputs, design)
    blocks = own_blocks(inputs, common_grid(inputs), design.n if held is None else 2 * design.n)
    fitted = [_fit(settings, rows, held, block, design, variance) for block in blocks]
    if not fitted:
        return Made(xr.Dataset(), {"voxels": 0})
    found = Fitted.joined(
        {f.name: [getattr(one, f.name) for one in fitted] for f in fields(Fitted)}
    )
    return Made(found.to_dataset(), {"voxels": len(found.index)})


def covariance(inputs: Inputs) -> Made:
    """Pool the residuals of the share's voxels over rows."""
    settings = inputs.settings_as(BlockSettings)
    design, rows = from_settings(settings.design), Rows.open(inputs)
    nothing = PooledCovariance(np.zeros((design.n, design.n), np.int64), 0)
    each = (
        accumulate_cy(rows.read(b), design)
        for b in own_blocks(inputs, common_grid(inputs), design.n)
    )
    pooled = reduce(add, each, nothing)
    return Made(
        xr.Dataset({COVARIANCE: table(COVARIANCE, pooled.products)}), {"voxels": pooled.voxels}
    )


def group_variance_of(inputs: Inputs, design: Design) -> dict[str, float] | None:
    """Return each group's relative variance over all voxels; None where it is not modelled so."""
    if inputs.settings_as(ContrastSettings).variance != "spm_unequal":
        return None
    parts = range(len(inputs.parts("covariance")))
    each = [
        PooledCovariance(
            inputs.array("covariance", COVARIANCE, k), inputs.record("covariance", k)["voxels"]
        )
        for k in parts
    ]
    return group_variances(reduce(add, each), design)


def _fit(
    settings: BlockSettings,
    rows: Rows,
    held: Rows | None,
    block: Block,
    design: Design,
    variance: dict[str, float] | None,
) -> Fitted:
    data = rows.read(block)
    covariates = np.empty((0, *data.shape)) if held is None else held.read(block)[None]
    result, own = _tested(settings, data, covariates, design, variance)
    left = without(data, covariates, own)
    estimates, deviation = estimate(left, design, noise_model(design, variance), len(own))
    return Fitted(
        index=block.index,
        maps=np.stack([np.asarray(getattr(result, n), np.float32) for n in maps_of(design)]),
        mean=rows.baseline(block, data, settings.baseline),
        deviation=deviation,
        complete=np.isfinite(left).all(axis=0) & np.isfinite(result.t),
        estimates=estimates,
        slopes=own,
    )


def _tested(
    settings: BlockSettings,
    data: NDArray[np.float32],
    covariates: NDArray[Any],
    design: Design,
    variance: dict[str, float] | None,
) -> tuple[GlmResult, Float]:
    """Return the fit, and the slope on each covariate that the voxels have of their own."""
    how: dict[str, Any] = {
        "group_variance": variance,
        "min_group_n": settings.min_group_n,
        "min_group_share": settings.min_group_share,
    }
    if not len(covariates):
        return fit(data, design, settings.variance, **how), np.empty((0, data.shape[1]))
    result = fit_voxelwise(data, covariates, design, settings.variance, **how)
    return result, slopes(data, covariates, design, variance)
