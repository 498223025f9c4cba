"""Permutation tests of a contrast over blocks of voxels.

With e the unit residual of a voxel given the nuisance columns and x the unit regressors given them,
permuting residuals (Freedman & Lane 1983, Winkler et al. 2014) gives r = (Px)'e, a_j = (Pq_j)'e and
the explained share u = sum r^2 / (1 - sum a^2): one product of a small matrix with the block
instead of a fit per permutation. Where each group has its own variance, signs of jackknife
residuals are flipped (`jackknife`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.clusters.suprathreshold import Suprathreshold, join
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import Variance, whitened
from rt1t2_dask.stats.glm.presence import MIN_GROUP_N, MIN_GROUP_SHARE
from rt1t2_dask.stats.glm.residuals import residualise
from rt1t2_dask.stats.permutation.exchange import Orders, PermutationPlan
from rt1t2_dask.stats.permutation.kernels import I32
from rt1t2_dask.stats.permutation.permuted import explained_by_complete, explained_by_partial
from rt1t2_dask.stats.permutation.prepared import PreparedBlock, identity
from rt1t2_dask.stats.permutation.scanning import scan_partial, scan_whole
from rt1t2_dask.stats.permutation.tails import Tails, merge_blocks


@dataclass(frozen=True)
class BatchResult:
    """Results of one batch on one block: extremes and exceedance counts.

    Parameters
    ----------
    tails : Tails
        Over the voxels of the block; blocks combine by maximum.
    exceed : ndarray of int32, shape (voxel,)
        Permutations whose absolute statistic was at least the observed; batches
        combine by sum.
    suprathreshold : Suprathreshold
        Suprathreshold voxels.
    """

    tails: Tails
    exceed: I32
    suprathreshold: Suprathreshold


def prepare(
    data: NDArray[Any],
    design: Design,
    plan: PermutationPlan,
    variance: Variance = "equal",
    *,
    group_variance: dict[str, float] | None = None,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
    covariates: NDArray[Any] | None = None,
) -> PreparedBlock:
    """Regress the nuisance columns out of a block once.

    Parameters
    ----------
    data : ndarray, shape (observation, voxel)
        Rows as the design's; NaN where not measured.
    design : Design
        The model.
    plan : PermutationPlan
        Its method is prepared for.
    variance, group_variance, min_group_n, min_group_share
        As in :func:`rt1t2_dask.stats.glm.fit.fit`, whose statistic is permuted: with ``welch``
        Welch's t or Winkler's G, with ``spm_unequal`` the whitened model's t or F.
    covariates : ndarray, shape (covariate, observation, voxel), optional
        As of :func:`rt1t2_dask.stats.glm.voxelwise.fit_voxelwise`.

    Raises
    ------
    UserError
        Smith's method with ``welch``; ``spm_unequal`` without variances.
    """
    smith, signs = plan.method == "smith", plan.exchange != "order"
    separate = require_method(plan.method, variance, len(design.groups))
    if variance == "spm_unequal":
        weight = whitened(design, variance, group_variance).whitening[:, None]
        design = replace(design, matrix=design.matrix * weight)
        data = data * weight.astype(data.dtype)
        covariates = None if covariates is None else covariates * weight
    left = residualise(data, design, min_group_n, min_group_share, signs, separate, covariates)
    as_it_is = identity(design.n)
    whole = explained_by_complete(left, as_it_is, smith)[0, : len(left.index)]
    partial = explained_by_partial(left, slice(None), as_it_is, smith)[:, 0]
    return PreparedBlock(data.shape[1], left, smith, separate and signs, whole, partial)


def require_method(method: str, variance: str, groups: int) -> bool:
    """Return whether each group has its own variance, which Smith's method does not allow.

    Raises
    ------
    UserError
        Smith's method with unequal variances.
    """
    separate = variance == "welch" and groups > 1
    if separate and method == "smith":
        raise UserError(
            "permute.method=smith assumes equal variances; with contrast.variance=welch set "
            "permute.method=freedman_lane, or set contrast.variance=equal."
        )
    return separate


def observed_tails(block: PreparedBlock) -> Tails:
    """Return the largest observed z of a block in each direction, shape (1,)."""
    z = np.append(np.nan_to_num(block.z), 0.0)
    return Tails(np.array([z.max()]), np.array([-z.min()]))


def run_batch(
    block: PreparedBlock, plan: PermutationPlan, batch: int, height: float | None = None
) -> BatchResult:
    """Run one batch of permutations on one block.

    Parameters
    ----------
    block : PreparedBlock
        From :func:`prepare`.
    plan : PermutationPlan
        Which orders belong to the batch.
    batch : int
        0 to ``plan.n_batches - 1``.
    height : float, optional
        p of the height above which voxels are wanted for clusters, one-sided for t.

    Returns
    -------
    BatchResult
        Bitwise identical for any blocks and batches.
    """
    return run_orders(block, plan.orders(batch), height)


def run_orders(block: PreparedBlock, orders: Orders, height: float | None = None) -> BatchResult:
    """Run relabelings on one block; see :func:`run_batch`."""
    exceed = np.zeros(block.voxels, np.int32)
    whole, exceed[block.residuals.index], suprathreshold = scan_whole(block, orders, height)
    partial, exceed[block.residuals.partial_index], more = scan_partial(block, orders, height)
    return BatchResult(merge_blocks([whole, partial]), exceed, join([suprathreshold, *more]))
