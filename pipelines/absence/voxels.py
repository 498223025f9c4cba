"""Stages `absence_bound` and `absence_maps`: equivalence and Bayes factors at every voxel."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.absence.regions import AbsenceSettings, bounds, pooled_t
from rt1t2_dask.pipelines.contrasts.design_settings import from_settings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.permutations.data import RelabelSettings, Residualised, worker_bytes
from rt1t2_dask.pipelines.voxelwise.blocks import Block, Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.maps import scattered
from rt1t2_dask.stats.absence import bayes_factor, equivalence_p, standardised_equivalence_p
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.permutation.null import p_fwe
from rt1t2_dask.stats.scale import Scale
from rt1t2_dask.stats.shifted import shifted

Float = NDArray[np.float64]
FWE = "absence_fwe"


class BoundSettings(RelabelSettings):
    """Which bound an effect is tested against, by how many relabelings.

    Parameters
    ----------
    percent : float
        Of the mean that effects are a share of.
    side : {"low", "high"}
    n : int
    """

    percent: float
    side: Literal["low", "high"]
    n: int


class Bounded(Residualised):
    """The blocks of a contrast whose effect is tested against a bound in place of 0."""

    def __init__(self, inputs: Inputs, limit: float) -> None:
        super().__init__(inputs, limit)
        told = inputs.settings_as(BoundSettings)
        mean = inputs.volume("contrast", "stat_mean").data[self.inside]
        scale = Scale(inputs.record("contrast")["scale"])
        low, high = bounds(told.percent, np.asarray(mean, np.float64), scale)
        self._bound = low if told.side == "low" else high

    def data(self, block: Block) -> NDArray[np.float32]:
        """Read a block, moved by the bound."""
        return shifted(super().data(block), self.design, self._bound[block.index])


def make_bound(inputs: Inputs) -> Made:
    """Test the effect against one bound, corrected for all voxels."""
    told = inputs.settings_as(BoundSettings)
    data = Bounded(inputs, worker_bytes())
    data.read()
    z, null = data.observed(), data.largest(told.n)
    above = told.side == "low"
    p = p_fwe(z if above else -z, null.positive if above else null.negative)
    fwe = scattered(-np.log10(p), data.inside, data.statistic_map.grid)
    return Made(xr.Dataset({FWE: to_array(FWE, fwe, space=told.space)}), {"n": told.n})


def make_maps(inputs: Inputs) -> Made:
    """Compute p of equivalence and Bayes factors at every tested voxel."""
    settings = inputs.settings_as(AbsenceSettings)
    statistic = inputs.volume("contrast", "stat_t")
    inside = np.isfinite(statistic.data)
    rows, found = Rows.open(inputs), np.full((3, int(inside.sum())), np.nan)
    for block in voxel_blocks(statistic.grid.shape, inside, len(rows)):
        found[:, block.index] = _of_block(inputs, settings, rows, block)
    names = ("absence_p", "absence_p_g", "absence_bf10")
    maps = {
        name: scattered(values, inside, statistic.grid)
        for name, values in zip(names, found, strict=True)
    }
    if sides := range(len(inputs.parts("bound"))):
        both = np.stack([inputs.volume("bound", FWE, k).data for k in sides])
        maps[FWE] = statistic.with_data(both.min(axis=0))
    space = settings.space
    return Made(xr.Dataset({name: to_array(name, own, space=space) for name, own in maps.items()}))


def _of_block(inputs: Inputs, settings: AbsenceSettings, rows: Rows, block: Block) -> Float:
    """Return rows: -log10 p within the bounds in percent and in g, log10 BF10."""
    design, data = from_settings(settings.design), rows.read(block)
    about = inputs.record("contrast")
    result = fit(
        data,
        design,
        settings.variance,
        group_variance=about["group_variance"],
        min_group_n=settings.min_group_n,
        min_group_share=settings.min_group_share,
    )
    mean = rows.baseline(block, data, settings.baseline)
    low, high = bounds(settings.percent, mean, Scale(about["scale"]))
    t, n = pooled_t(result)
    p = equivalence_p(result.effect, result.se, result.dof, low, high)
    p_g = standardised_equivalence_p(t, n, result.residual_dof, settings.g)
    factor = bayes_factor(t, n, result.residual_dof, settings.width)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([-np.log10(p), -np.log10(p_g), np.log10(factor)])
