"""Family-wise p of regions by the largest |t| of each relabeling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import Variance
from rt1t2_dask.stats.permutation import blocks, exchange
from rt1t2_dask.stats.permutation.null import p_fwe
from rt1t2_dask.stats.permutation.tails import merge_batches

Float = NDArray[np.float64]


def max_t(
    data: NDArray[Any],
    design: Design,
    n: int,
    seed: int,
    *,
    method: exchange.Method,
    variance: Variance,
    rules: Mapping[str, Any],
) -> Float:
    """Return each region's p, corrected for all of them.

    Parameters
    ----------
    data : ndarray, shape (row, region)
        Rows as the design's; NaN where not measured.
    design : Design
    n, seed : int
        Relabelings, and what they are drawn from.
    method : str
        As `rt1t2_dask.stats.permutation.exchange.plan`.
    variance : str
        As `rt1t2_dask.stats.glm.fit.fit`.
    rules : mapping of str to object
        ``min_group_n``, ``min_group_share`` and, of ``spm_unequal``, ``group_variance``.

    Returns
    -------
    ndarray, shape (region,)
        NaN where a region is not tested.
    """
    how = exchange.exchanged(design, variance)
    plan = exchange.plan(design, n, seed, method=method, exchange=how)
    block = blocks.prepare(data.astype(np.float32), design, plan, variance, **rules)
    batches = [blocks.run_batch(block, plan, k) for k in range(plan.n_batches)]
    null = merge_batches([batch.tails for batch in batches]).both
    return np.asarray(p_fwe(np.abs(block.z), null))
