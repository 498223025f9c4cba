"""Scatter plots of regions: a group's mean change against each map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.correlation import beside, mean_over_patients, orthonormal
from rt1t2_dask.receptors.problem import Problem, patient_z
from rt1t2_dask.receptors.ranks import average_ranks

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scatter:
    """Coordinates of the regions in the scatter plot of each map.

    Parameters
    ----------
    change : ndarray, shape (region,)
        Mean over patients of the correlated values (z, effect size, difference).
    change_left, map_left : ndarray, shape (m, region)
        Ranks of change and map (values with Pearson and regression), given the covariates;
        NaN for regions that are missing and maps without variance. Their Pearson correlation is
        the partial correlation.
    """

    change: Floats
    change_left: Floats
    map_left: Floats


def scatter(problem: Problem) -> Scatter:
    """Compute the scatter of the group's mean profile against each map.

    Notes
    -----
    The correlation of the mean profile differs from the mean of the patients' correlations, which
    is tested.
    """
    change: Floats = mean_over_patients(patient_z(problem))
    out = Scatter(change, np.full_like(problem.maps, np.nan), np.full_like(problem.maps, np.nan))
    for j in np.flatnonzero(problem.usable).tolist():
        rows = np.vstack([change, problem.maps[j], *_held(problem, j)])
        keep = ~np.isnan(rows).any(axis=0)
        if keep.any():
            left = _left(rows[:, keep], problem.kind == "spearman")
            out.change_left[j, keep], out.map_left[j, keep] = left
    return out


def _held(problem: Problem, j: int) -> list[Floats]:
    gm = [] if problem.gm is None else [problem.gm]
    return [*beside(problem.maps, j, problem.gm)] if problem.kind == "regression" else gm


def _left(rows: Floats, ranked: bool) -> Floats:
    """Return the residuals of the first two rows given the others."""
    scaled = average_ranks(rows) if ranked else rows
    centred = scaled - scaled.mean(axis=1, keepdims=True)
    held = orthonormal(scaled[2:])
    return np.asarray(centred[:2] - (centred[:2] @ held.T) @ held)
