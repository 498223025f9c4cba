"""Variance explained by site, before and after harmonisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.sufficient import CONSTANT, Sums, solve

Float = NDArray[np.float64]


@dataclass(frozen=True)
class SiteVariance:
    """Site effects beyond the covariates, shape (voxel,).

    Parameters
    ----------
    share : ndarray
        Partial R^2 of the site columns, 0 to 1; NaN where data are constant.
    span : ndarray
        Largest minus smallest site mean at equal covariates, in the data's unit.
    """

    share: Float
    span: Float


def site_variance(sites: Sequence[Sums]) -> SiteVariance:
    """Compare the model with and without sites.

    Parameters
    ----------
    sites : sequence of Sums
        Of the design [1, covariates].
    """
    k, covariates = len(sites), sites[0].columns - 1
    without = solve(sites, np.sum([site.everybody for site in sites], axis=0))
    full = []
    for i, site in enumerate(sites):
        transform = np.zeros((1 + covariates, k + covariates))
        transform[0, i] = 1.0
        transform[1:, k:] = np.eye(covariates)
        full.append(site.through(transform))
    fit = solve(full, np.sum([site.everybody for site in full], axis=0))
    means = fit.coefficients[:k]
    usable = (fit.rank == k + covariates) & (without.residual > CONSTANT * without.total)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1 - fit.residual / without.residual
    return SiteVariance(
        np.where(usable, np.clip(share, 0, 1), np.nan),
        np.where(usable, np.ptp(means, axis=0), np.nan),
    )
