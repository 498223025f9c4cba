"""Evidence for the absence of an effect: equivalence tests and Bayes factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Float = NDArray[np.float64]
WIDTH = np.sqrt(0.5)
"""Scale of the Cauchy prior on the standardised effect: "medium" in R's BayesFactor."""
NODES, LEAST_LOG, MOST_LOG = 512, -8.0, 60.0
TILE = 4096


def equivalence_p(
    effect: ArrayLike, se: ArrayLike, dof: ArrayLike, low: ArrayLike, high: ArrayLike
) -> Float:
    """Compute p of two one-sided tests (TOST) that an effect lies between two bounds.

    Parameters
    ----------
    effect, se, dof : array_like
        Estimate, standard error and degrees of freedom.
    low, high : array_like
        Bounds in the unit of the effect.

    Returns
    -------
    ndarray
        The larger of the two p, in [0, 1]; small where the effect is within the bounds. NaN where
        the effect is not known.

    Notes
    -----
    Schuirmann 1987. An effect is within the bounds at level alpha exactly where its interval of
    level 1 - 2 alpha is.
    """
    above, below = _one_sided(effect, se, low, high)
    return np.asarray(np.maximum(stats.t.sf(above, dof), stats.t.sf(below, dof)))


def standardised_equivalence_p(
    t: ArrayLike, n: ArrayLike, dof: ArrayLike, bound: ArrayLike
) -> Float:
    """Compute p of two one-sided tests that a standardised effect lies within +- ``bound``.

    Parameters
    ----------
    t, n, dof : array_like
        As `bayes_factor`.
    bound : array_like
        In standard deviations, above 0.

    Notes
    -----
    The bound is one of the population, so that t is noncentral under it (Lakens et al. 2018 take
    the estimated standard deviation for the population's, which is approximate).
    """
    t, shift = np.asarray(t, np.float64), np.sqrt(np.asarray(n, np.float64)) * bound
    larger = np.maximum(stats.nct.sf(t, dof, -shift), stats.nct.cdf(t, dof, shift))
    return np.asarray(larger)


def equivalence_t(effect: ArrayLike, se: ArrayLike, low: ArrayLike, high: ArrayLike) -> Float:
    """Compute the least favourable t of the two one-sided tests; positive within the bounds."""
    return np.minimum(*_one_sided(effect, se, low, high))


def _one_sided(
    effect: ArrayLike, se: ArrayLike, low: ArrayLike, high: ArrayLike
) -> tuple[Float, Float]:
    """Return t against the lower and against the upper bound, positive within them."""
    x, error, least, most = (np.asarray(own, np.float64) for own in (effect, se, low, high))
    return (x - least) / error, (most - x) / error


def bayes_factor(t: ArrayLike, n: ArrayLike, dof: ArrayLike, width: float = float(WIDTH)) -> Float:
    """Compute the JZS Bayes factor for an effect against none.

    Parameters
    ----------
    t : array_like
        Student's t of equal variances.
    n : array_like
        Effective sample size: n1 n2 / (n1 + n2) of two groups, n of one group or of pairs; in
        general, the squared ratio of residual standard deviation to standard error.
    dof : array_like
        Residual degrees of freedom.
    width : float
        Scale of the Cauchy prior on the standardised effect.

    Returns
    -------
    ndarray
        BF10, above 0: over 3 is evidence for an effect, under 1/3 for none. NaN where t is.

    Notes
    -----
    Rouder et al. 2009 (Psychon Bull Rev 16:225), equation 1: with a Cauchy prior on the effect
    and Jeffreys' on the variance, an integral over the variance g of the effect, here by the
    trapezoid rule in log g, which converges geometrically.
    """
    one, two, three = np.broadcast_arrays(
        *(np.asarray(values, np.float64) for values in (t, n, dof))
    )
    flat = [values.ravel() for values in (one, two, three)]
    found = np.empty(flat[0].size)
    for start in range(0, found.size, TILE):
        part = slice(start, start + TILE)
        found[part] = _integrated(flat[0][part], flat[1][part], flat[2][part], width)
    return found.reshape(one.shape)


def _integrated(t: Float, n: Float, dof: Float, width: float) -> Float:
    log_g, step = np.linspace(LEAST_LOG, MOST_LOG, NODES, retstep=True)
    g = np.exp(log_g)[:, None]
    prior = np.exp(-0.5 * log_g - 0.5 * np.exp(-log_g))[:, None] / np.sqrt(2 * np.pi)
    inflated = 1 + n * g * width**2
    power = -(dof + 1) / 2
    with np.errstate(over="ignore"):
        gain = power * (np.log1p(t**2 / (inflated * dof)) - np.log1p(t**2 / dof))
        return np.asarray(float(step) * (prior * inflated**-0.5 * np.exp(gain)).sum(axis=0))
