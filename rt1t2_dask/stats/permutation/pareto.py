"""Generalised Pareto tail of a permutation null, for p below 1 / (n + 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rt1t2_dask.errors import UserError

Float = NDArray[np.float64]
TAIL_SHARE = 0.25
FEWEST = 30
STEP = 10
REPLICATES = 200
FIT_P = 0.1
SMALLEST = 1e-3

# A quarter of fewer is no tail: the fit's end then decides p, and it lies anywhere.
LEAST_RELABELINGS = 1000


@dataclass(frozen=True)
class ParetoTail:
    """Excess over a threshold, 1 - (1 - k y / a)^(1/k).

    Parameters
    ----------
    threshold : float
        Suprathreshold it p comes from the tail.
    scale, shape : float
        a > 0 and k; the tail ends at a / k where k > 0.
    share : float
        Of the null above the threshold.
    smallest : float
        p is not extrapolated below it: 1 / (n + 1) where the tail ends (k > 0), since beyond
        the largest null value such a fit says how near its end lies, not how rare a value is;
        else a thousandth of that.
    fit_p : float
        p of the Anderson-Darling statistic by parametric bootstrap.
    """

    threshold: float
    scale: float
    shape: float
    share: float
    smallest: float
    fit_p: float

    def p(self, value: ArrayLike) -> Float:
        """Return the p of values above the threshold."""
        excess = np.maximum(np.asarray(value, np.float64) - self.threshold, 0)
        survival = 1 - _distribution(excess, self.scale, self.shape)
        return np.maximum(self.share * survival, self.smallest)

    def describe(self) -> dict[str, float]:
        """Return its parameters for a table."""
        return {
            "threshold": self.threshold,
            "scale": self.scale,
            "shape": self.shape,
            "fit_p": self.fit_p,
        }


def require_relabelings(n: int) -> None:
    """Refuse a tail fit of too few relabelings.

    Raises
    ------
    UserError
        Fewer than 1,000.
    """
    if n < LEAST_RELABELINGS:
        raise UserError(too_few(n))


def too_few(n: int) -> str:
    """Return the message that a tail needs more relabelings."""
    return (
        f"permute.tail=gpd with permute.n={n}: a tail is fitted to the upper quarter of the "
        f"relabelings and needs at least {LEAST_RELABELINGS}; raise permute.n, or set "
        "permute.tail=none."
    )


def fit_tail(null: NDArray[Any]) -> ParetoTail | None:
    """Fit the upper quarter of a null; less, by 10, until it fits; None where it never does.

    Fewer than 1,000 values (an enumerated test, an early stop) have no tail either.

    Parameters
    ----------
    null : ndarray, shape (permutation,)
        Maximum of each permutation, without the identity.

    Notes
    -----
    Winkler et al. 2016 (NeuroImage 141:502): moments (Hosking & Wallis 1987) and an
    Anderson-Darling test at .1. Ours: its p by a seeded parametric bootstrap in place of
    a table, and p is not extrapolated below a thousandth of 1 / (n + 1).
    """
    ordered = np.sort(np.asarray(null, np.float64))
    total = len(ordered) + 1
    if len(ordered) < LEAST_RELABELINGS:
        return None
    for count in range(int(TAIL_SHARE * len(ordered)), FEWEST - 1, -STEP):
        threshold = float((ordered[-count - 1] + ordered[-count]) / 2)
        excess = ordered[-count:] - threshold
        if np.ptp(excess) <= 0:
            return None
        scale, shape = (float(v[0]) for v in _moments(excess[None]))
        fit_p = _goodness(excess, scale, shape)
        if fit_p >= FIT_P:
            share = (count + 1) / total
            smallest = (1.0 if shape > 0 else SMALLEST) / total
            return ParetoTail(threshold, scale, shape, share, smallest, fit_p)
    return None


def _moments(excess: Float) -> tuple[Float, Float]:
    """Estimate scale and shape of each row, shape (row, value)."""
    ratio = excess.mean(axis=1) ** 2 / excess.var(axis=1, ddof=1)
    return excess.mean(axis=1) * (ratio + 1) / 2, (ratio - 1) / 2


def _distribution(excess: Float, scale: Any, shape: Any) -> Float:
    near_zero = np.abs(shape) < 1e-8
    safe = np.where(near_zero, 1.0, shape)
    inside = np.maximum(1 - safe * excess / scale, 0)
    share = np.where(near_zero, -np.expm1(-excess / scale), 1 - inside ** (1 / safe))
    return np.asarray(share, np.float64)


def _anderson_darling(excess: Float, scale: Float, shape: Float) -> Float:
    """Compute the statistic of each ascending row."""
    n = excess.shape[1]
    u = np.clip(_distribution(excess, scale[:, None], shape[:, None]), 1e-12, 1 - 1e-12)
    weight = 2 * np.arange(1, n + 1) - 1
    return np.asarray(-n - np.mean(weight * (np.log(u) + np.log1p(-u[:, ::-1])), axis=1))


def _goodness(excess: Float, scale: float, shape: float) -> float:
    """Compute the p of the fit by parametric bootstrap."""
    uniform = np.random.default_rng(0).random((REPLICATES, len(excess)))
    drawn = (
        -np.log1p(-uniform) if abs(shape) < 1e-8 else -np.expm1(shape * np.log1p(-uniform)) / shape
    )
    samples = np.sort(scale * drawn, axis=1)
    own = _anderson_darling(excess[None], np.array([scale]), np.array([shape]))
    other = _anderson_darling(samples, *_moments(samples))
    return float((np.sum(other >= own) + 1) / (REPLICATES + 1))
