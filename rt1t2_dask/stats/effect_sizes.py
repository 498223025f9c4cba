"""Effect sizes of regions and clusters with intervals from the noncentral t and F."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm import GlmResult, Variance, fit
from rt1t2_dask.stats.noncentral import noncentrality_of_f
from rt1t2_dask.stats.presence import MIN_GROUP_N, MIN_GROUP_SHARE
from rt1t2_dask.stats.scale import Scale

Float = NDArray[np.float64]
COLUMNS = (
    *("estimate", "percent", "t", "dof", "p", "g", "partial_eta2", "ci_low", "ci_high", "n"),
)


def noncentral_interval(
    t: ArrayLike, dof: ArrayLike, scale: ArrayLike = 1.0, level: float = 0.95
) -> tuple[Float, Float]:
    """Confidence interval of a standardised effect.

    Parameters
    ----------
    t, dof : array_like
        Student's t and its degrees of freedom.
    scale : array_like
        Standardised effect over t: standard error over residual deviation, such as
        sqrt(1/n1 + 1/n2) for two groups.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    low, high : ndarray
        Of the effect in standard deviations of the population, without the small-sample
        factor; NaN where t is.

    Notes
    -----
    Inverts the noncentral t distribution (Cumming & Finch 2001): exact for equal variances and,
    given their ratio, for ``spm_unequal``. With Welch's t, its degrees of freedom and its
    standard error it is approximate: of 20,000 simulated studies of 9 against 20, 20 against 9
    and 11 against 18 people, spreads 1 to 4 times as wide in the first and effects to 1.5, 94.1
    to 95.7 % of the intervals held the truth.
    """
    t, dof = np.broadcast_arrays(np.asarray(t, np.float64), np.asarray(dof, np.float64))
    ends = [special.nctdtrinc(dof, p, t) for p in ((1 + level) / 2, (1 - level) / 2)]
    low, high = (np.where(np.isfinite(t), end * scale, np.nan) for end in ends)
    return low, high


def partial_eta_squared(f: ArrayLike, q: int, dof: ArrayLike) -> Float:
    """Share of the variance left by the other columns that the tested ones explain.

    Parameters
    ----------
    f, dof : array_like
        F and its denominator degrees of freedom.
    q : int
        Numerator degrees of freedom.

    Returns
    -------
    ndarray
        q F / (q F + dof), 0 to 1; with a variance for each group the value an F of equal
        variances would have had.
    """
    f = np.asarray(f, np.float64)
    return np.asarray(q * f / (q * f + np.asarray(dof)))


def noncentral_f_interval(
    f: ArrayLike, q: int, dof: ArrayLike, n: ArrayLike, level: float = 0.95
) -> tuple[Float, Float]:
    """Confidence interval of partial eta squared in the population.

    Parameters
    ----------
    f, dof, n : array_like
        F, its denominator degrees of freedom, and the rows measured.
    q : int
        Numerator degrees of freedom.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    low, high : ndarray
        L / (L + n) of the noncentralities L at which F lies at the ends (Steiger 2004,
        Psychological Methods 9:164); 0 where even L = 0 lies past it; NaN where F is.
    """
    f, dof, n = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (f, dof, n)))
    low, high = (noncentrality_of_f(q, dof, p, f) for p in ((1 + level) / 2, (1 - level) / 2))
    return low / (low + n), high / (high + n)


def regional(
    data: NDArray[Any],
    design: Design,
    baseline: Float,
    variance: Variance = "equal",
    *,
    group_variance: dict[str, float] | None = None,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
    scale: Scale = Scale.RATIO,
) -> pd.DataFrame:
    """Test the design's contrast on regional means.

    Parameters
    ----------
    data : ndarray, shape (row, region)
        Rows as the design's; NaN where not measured.
    design : Design
    baseline : ndarray, shape (region,)
        Mean that ``percent`` is a share of.
    variance, group_variance, min_group_n, min_group_share
        As in :func:`rt1t2_dask.stats.glm.fit`.
    scale : Scale
        How ``percent`` follows from the estimate.

    Returns
    -------
    DataFrame, one row a region
        ``estimate`` (unit of the data), ``percent`` of the baseline (NaN where the scale has
        none), ``t`` (F where the contrast has several sets of weights), ``dof``, ``p`` (two-sided
        for t), Hedges' ``g`` for t and ``partial_eta2`` for F with its 95 % interval
        ``ci_low, ci_high`` (:func:`noncentral_interval`, :func:`noncentral_f_interval`), ``n``.
    """
    result = fit(
        data,
        design,
        variance,
        group_variance=group_variance,
        min_group_n=min_group_n,
        min_group_share=min_group_share,
    )
    return table_of_result(result, baseline, design.q, scale)


def table_of_result(
    result: GlmResult, baseline: Float, q: int, scale: Scale = Scale.RATIO
) -> pd.DataFrame:
    """Lay a test of regions out as `regional` does; ``q`` sets of weights."""
    low, high = _interval(result, q)
    columns = {
        "estimate": result.effect,
        "percent": scale.percent(result.effect, baseline),
        "t": result.t,
        "dof": result.dof,
        "p": _p(result, q),
        "g": result.hedges_g,
        "partial_eta2": _eta(result, q),
        "ci_low": low,
        "ci_high": high,
        "n": result.n,
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


def _interval(result: GlmResult, q: int) -> tuple[Float, Float]:
    if q > 1:
        return noncentral_f_interval(result.t, q, result.dof, result.n)
    return noncentral_interval(result.t, result.dof, result.se / result.sd)


def _eta(result: GlmResult, q: int) -> Float:
    if q > 1:
        return partial_eta_squared(result.t, q, result.dof)
    return np.full(len(result.t), np.nan)


def _p(result: GlmResult, q: int) -> Float:
    if q > 1:
        return np.asarray(stats.f.sf(result.t, q, result.dof))
    return np.asarray(2 * special.stdtr(result.dof, -np.abs(result.t)))
