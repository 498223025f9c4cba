"""The ratio by depth of the cortex: a person's means, and a group's with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Float = NDArray[np.float64]
CONFIDENCE = 0.95


def depth_means(
    values: NDArray[np.floating[Any]], areas: NDArray[Any], cortex: NDArray[np.bool_]
) -> tuple[Float, NDArray[np.intp]]:
    """Compute the mean at each depth, vertices weighted by their area.

    Parameters
    ----------
    values : ndarray, shape (depth, vertex)
        NaN where not measured.
    areas : ndarray, shape (vertex,)
        mm^2, of one surface for all depths, so that depths differ by values alone.
    cortex : ndarray of bool, shape (vertex,)
        False on the medial wall.

    Returns
    -------
    means : ndarray, shape (depth,)
        NaN where no vertex is known.
    vertices : ndarray of int, shape (depth,)
        How many are known.
    """
    known = np.isfinite(values) & cortex
    weights = np.where(known, np.asarray(areas, np.float64), 0.0)
    total = weights.sum(axis=1)
    summed = (weights * np.where(known, values, 0.0)).sum(axis=1)
    means = np.divide(summed, total, out=np.full(len(total), np.nan), where=total > 0)
    return means, known.sum(axis=1)


def group_profiles(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each group's mean by depth with its 95 % interval, from Student's t.

    Parameters
    ----------
    rows : DataFrame
        group, depth and mean_ratio, a row a person and depth.

    Returns
    -------
    DataFrame
        group, depth, n, mean, low, high; the interval is NaN of a single person.
    """
    known = rows.dropna(subset="mean_ratio")
    found = known.groupby(["group", "depth"], sort=False)["mean_ratio"].agg(
        ["count", "mean", "std"]
    )
    n = found["count"].to_numpy(np.float64)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, np.maximum(n - 1, 1))
    half = np.where(n > 1, quantile * found["std"] / np.sqrt(n), np.nan)
    found = found.rename(columns={"count": "n"}).drop(columns="std")
    found = found.assign(low=found["mean"] - half, high=found["mean"] + half).reset_index()
    return found.sort_values(["group", "depth"], kind="stable", ignore_index=True)
