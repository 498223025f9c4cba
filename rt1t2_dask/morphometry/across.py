"""Combined results of independent cohorts, by region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.stats.scores import t_to_z

Float = NDArray[np.float64]


def combine(t: Float, dof: Float, n: Sequence[float]) -> pd.DataFrame:
    """Combine t maps of cohorts without shared people.

    Parameters
    ----------
    t, dof : ndarray, shape (cohort, region)
        Student's t and its degrees of freedom; a region that lacks one cohort is NaN.
    n : sequence of float, length cohort
        People, for Stouffer's weights (square roots).

    Returns
    -------
    DataFrame, one row a region
        ``mean_t``; ``p_fisher`` of the two-sided p (whatever the direction) and
        ``q_fisher`` (Benjamini-Hochberg over regions); ``z_stouffer`` and its two-sided
        ``p_stouffer`` and ``q_stouffer`` (sensitive to direction); ``positive``,
        cohorts with t > 0; ``consistent``, whether all signs agree.

    Notes
    -----
    Fisher 1932; Stouffer 1949 with weights of Zaykin 2011, J Evol Biol 24:1836.
    """
    p = 2 * stats.t.sf(np.abs(t), dof)
    chi2 = -2 * np.log(np.maximum(p, np.finfo(float).tiny)).sum(axis=0)
    fisher = stats.chi2.sf(chi2, 2 * len(t))
    weight = np.sqrt(np.asarray(n, np.float64))[:, None]
    z = (weight * t_to_z(t, dof)).sum(axis=0) / np.sqrt((weight**2).sum())
    stouffer = 2 * stats.norm.sf(np.abs(z))
    positive = np.where(np.isnan(t).any(axis=0), np.nan, (t > 0).sum(axis=0))
    return pd.DataFrame(
        {
            "mean_t": t.mean(axis=0),
            "p_fisher": fisher,
            "q_fisher": benjamini_hochberg(fisher),
            "z_stouffer": z,
            "p_stouffer": stouffer,
            "q_stouffer": benjamini_hochberg(stouffer),
            "positive": positive,
            "consistent": (positive == 0) | (positive == len(t)),
        }
    )


def shared_people(rows: Sequence[Sequence[int]]) -> int:
    """Count people who are in more than one cohort."""
    seen = np.concatenate([np.unique(np.asarray(r, int)) for r in rows])
    return int(len(seen) - len(np.unique(seen)))
