"""Effects of people in clusters that were found without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.design import Design, require_estimable

Float = NDArray[np.float64]
MIN_COVERAGE = 0.5
"""A mean over less than half of the voxels does not represent them, as in `stats.parcels`."""


def without(design: Design, row: int) -> Design | None:
    """Return a design without one of its rows; None where the others cannot estimate it.

    Numbers stay centred on everybody's mean, which changes no contrast of groups.
    """
    blocks = None if design.blocks is None else np.delete(design.blocks, row)
    left = replace(
        design,
        matrix=np.delete(design.matrix, row, axis=0),
        group=np.delete(design.group, row),
        rows=np.arange(design.n - 1),
        blocks=blocks,
    )
    try:
        require_estimable(left)
    except UserError:
        return None
    return left


def mean_over(values: NDArray[np.float32], voxels: NDArray[np.intp]) -> float:
    """Average one person's map over voxels; NaN where fewer than half were measured.

    Parameters
    ----------
    values : ndarray, shape (voxel,)
        NaN where not measured.
    voxels : ndarray of int
        Those to average.
    """
    own = values[voxels].astype(np.float64)
    own = own[np.isfinite(own)]
    enough = len(own) > 0 and len(own) >= MIN_COVERAGE * len(voxels)
    return float(own.mean()) if enough else float("nan")


def left_out_effect(means: Float, design: Design, row: int) -> tuple[float, float]:
    """Compare the person left out with everybody, at equal covariates.

    Parameters
    ----------
    means : ndarray, shape (row,)
        Everybody's mean over the clusters that were found without the person of ``row``.
    design : Design
        One column a group, then covariates.
    row : int

    Returns
    -------
    effect : float
        The person's mean minus that of everybody.
    everybody : float
        That mean.

    Notes
    -----
    Slopes on the covariates are those of the others in the model of the contrast. The distance
    from the mean of the n - 1 others, times (n - 1) / n, is that from the mean of all n. Clusters
    that lie elsewhere in the brain without another person so have a common origin. The mean of
    all is uncorrelated with a contrast of groups of equal variances: choosing clusters by the
    contrast does not choose it.
    """
    left = without(design, row)
    known = np.isfinite(means) & (np.arange(len(means)) != row)
    if left is None or not np.isfinite(means[row]) or known.sum() < design.matrix.shape[1]:
        return float("nan"), float("nan")
    slopes = np.linalg.lstsq(design.matrix[known], means[known], rcond=None)[0]
    covariates = design.matrix[:, len(design.groups) :]
    adjusted = means - covariates @ slopes[len(design.groups) :]
    others = float(adjusted[known].mean())
    share = known.sum() / (known.sum() + 1)
    effect = float((adjusted[row] - others) * share)
    return effect, float(adjusted[row]) - effect


def by_group(values: Float, group: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """Return mean and 95 % interval of each group, from its own variance.

    Parameters
    ----------
    values : ndarray, shape (row,)
        NaN where there is none.
    group : sequence of str, length row
    names : sequence of str
        The groups, in the order to show.

    Returns
    -------
    DataFrame
        ``group``, ``n``, ``mean``, ``ci_low``, ``ci_high`` (Student's t, n - 1 degrees of freedom;
        NaN for fewer than two people).
    """
    rows = []
    for name in names:
        own = values[(np.asarray(group) == name) & np.isfinite(values)]
        mean = float(own.mean()) if len(own) else float("nan")
        half = float("nan")
        if len(own) > 1:
            error = own.std(ddof=1) / np.sqrt(len(own))
            half = float(stats.t.isf(0.025, len(own) - 1) * error)
        rows.append((name, len(own), mean, mean - half, mean + half))
    return pd.DataFrame(rows, columns=["group", "n", "mean", "ci_low", "ci_high"])
