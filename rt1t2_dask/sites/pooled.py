"""Pooled t or F over all sites, from the sums that each site shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.clusters.neighbours import NeighbourSums, fwhm_of_sums
from rt1t2_dask.stats.glm.fit import GlmResult
from rt1t2_dask.stats.glm.grouped import fit_sums
from rt1t2_dask.stats.glm.presence import MIN_GROUP_N, MIN_GROUP_SHARE, least_people
from rt1t2_dask.stats.glm.sufficient import Fit, Sums

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class JointModel:
    """The joint model of all sites.

    Parameters
    ----------
    everybody : ndarray, shape (column, column)
        X'X of all people, missing or not.
    contrast : ndarray, shape (column, q)
    groups : tuple of int
        Columns that are 1 for one group and 0 for the others; empty for one group.
    sizes : tuple of int
        People of these groups, or of all.
    """

    everybody: Float
    contrast: Float
    groups: tuple[int, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Pooled:
    """The test, its fit, and the voxels without missing data."""

    result: GlmResult
    fit: Fit
    complete: Bool


def pooled_test(
    sites: Sequence[Sums],
    model: JointModel,
    *,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
) -> Pooled:
    """Test a contrast at every voxel as if all images were pooled.

    Parameters
    ----------
    sites : sequence of Sums
        Of the joint design's columns; see `Sums.through`.
    model : JointModel
    min_group_n, min_group_share
        As :func:`rt1t2_dask.stats.glm.fit.fit`.

    Returns
    -------
    Pooled
        Equal to ``stats.glm.fit`` of all rows with equal variances, to rounding.
    """
    enough = _enough(sites, model, min_group_n, min_group_share)
    result, fit = fit_sums(sites, model.everybody, model.contrast, enough)
    whole = sum(model.sizes) if model.groups else model.sizes[0]
    return Pooled(result, fit, np.isfinite(result.t) & (fit.people == whole))


def _enough(
    sites: Sequence[Sums], model: JointModel, min_group_n: int, min_group_share: float
) -> Bool:
    """Return where each group has enough people for a test of pooled images."""
    there = np.ones(len(sites[0].squares), bool)
    columns = model.groups or (None,)
    for column, size in zip(columns, model.sizes, strict=True):
        n = np.sum([_members(site, column) for site in sites], axis=0)
        there &= n >= least_people(size, min_group_n, min_group_share)
    return there


def _members(site: Sums, column: int | None) -> Float:
    if column is None:
        return site.people.astype(np.float64)
    return np.asarray(np.append(site.grams[:, column, column], 0.0)[site.pattern])


def pooled_fwhm(pooled: Pooled, products: Float, mask: Bool, dof: float) -> Float:
    """Estimate the smoothness of the pooled residuals, shape (3,), in voxels.

    Parameters
    ----------
    pooled : Pooled
    products : ndarray, shape (6, voxel)
        Products of neighbouring voxels summed over all people of all sites.
    mask : ndarray of bool, shape (x, y, z)
        Where the voxels lie.
    dof : float
        Residual degrees of freedom where nobody is missing.

    Raises
    ------
    UserError
        No 2 x 2 x 2 voxels are measured in everybody.

    Notes
    -----
    Takes all people, where `rt1t2_dask.stats.clusters.smoothness.fwhm_voxels` takes at most 64.
    """
    fit = pooled.fit
    everybody = np.eye(len(fit.estimates))
    sums = NeighbourSums(everybody, fit.estimates, fit.total, products)
    deviation = np.sqrt(fit.residual / dof)
    return fwhm_of_sums(sums, fit.estimates, deviation, mask, pooled.complete, 1.0 / dof, dof)
