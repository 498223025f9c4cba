"""Random-field p values of peaks, clusters and sets in t and F images (SPM12, Worsley 1996)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from rt1t2_dask.stats.clusters.smoothness import Mask, resel_counts
from rt1t2_dask.stats.multiplicity import benjamini_hochberg

Float = NDArray[np.float64]
TINY = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class SearchVolume:
    """Search volume of a t or F image for random-field theory.

    Parameters
    ----------
    dof : float
        Residual degrees of freedom.
    voxels : int
        Voxels searched.
    fwhm : ndarray, shape (3,)
        Smoothness in voxels.
    resels : ndarray, shape (4,)
        Resolution elements in 0 to 3 dimensions.
    numerator : int, optional
        Numerator degrees of freedom of F; None for t.
    """

    dof: float
    voxels: int
    fwhm: Float
    resels: Float
    numerator: int | None = None

    @classmethod
    def of(cls, mask: Mask, fwhm: Float, dof: float, numerator: int | None = None) -> SearchVolume:
        """Build the search volume of a mask, shape (x, y, z), and its smoothness."""
        resels = resel_counts(mask, fwhm)
        return cls(dof, int(mask.sum()), np.asarray(fwhm), resels, numerator)

    @property
    def resel_voxels(self) -> float:
        """Voxels in one resolution element."""
        return float(np.prod(self.fwhm))


def height(p: float, dof: float, numerator: int | None = None) -> float:
    """Compute the t, or with numerator degrees of freedom the F, of a one-sided p."""
    if numerator is None:
        return float(stats.t.isf(p, dof))
    return float(stats.f.isf(p, numerator, dof))


def tail(t: ArrayLike, dof: float, numerator: int | None = None) -> Float:
    """Compute the upper-tail probability of t, or F."""
    t = np.asarray(t, np.float64)
    if numerator is None:
        return np.asarray(special.stdtr(dof, -t))
    return np.asarray(special.betainc(dof / 2, numerator / 2, dof / (dof + numerator * t)))


def euler_densities(t: ArrayLike, dof: float, numerator: int | None = None) -> Float:
    """Compute the Euler characteristic densities of a t or F field in 0 to 3 dimensions."""
    if numerator is not None:
        return _f_densities(np.asarray(t, np.float64), dof, numerator)
    t = np.asarray(t, np.float64)
    rough = 4 * np.log(2)
    fall = (1 + t**2 / dof) ** ((1 - dof) / 2)
    ratio = np.exp(special.gammaln((dof + 1) / 2) - special.gammaln(dof / 2))
    return np.stack(
        [
            special.stdtr(dof, -t),
            np.sqrt(rough) / (2 * np.pi) * fall,
            rough / (2 * np.pi) ** 1.5 * fall * t / np.sqrt(dof / 2) * ratio,
            rough**1.5 / (2 * np.pi) ** 2 * fall * ((dof - 1) * t**2 / dof - 1),
        ],
        axis=-1,
    )


def _f_densities(f: Float, dof: float, k: int) -> Float:
    """Compute the densities of F: Worsley et al. 1996, table II; SPM12's ``spm_ECdensity``."""
    area = 2 * np.log(2) / np.pi
    norm = special.gammaln(dof / 2) + special.gammaln(k / 2)
    share = k * f / dof
    fall = (1 + share) ** (-(dof + k - 2) / 2)
    gammas = [np.exp(special.gammaln((dof + k - d) / 2) - norm) for d in (1, 2, 3)]
    second = (dof - 1) * share - (k - 1)
    third = (dof - 1) * (dof - 2) * share**2 - (2 * dof * k - dof - k - 1) * share
    third = third + (k - 1) * (k - 2)
    with np.errstate(divide="ignore"):
        powers = [share ** ((k - d) / 2) for d in (1, 2, 3)]
    return np.stack(
        [
            tail(f, dof, k),
            area**0.5 * gammas[0] * 2**0.5 * powers[0] * fall,
            area * gammas[1] * powers[1] * fall * second,
            area**1.5 * gammas[2] * 2**-0.5 * powers[2] * fall * third,
        ],
        axis=-1,
    )


def expected_clusters(t: ArrayLike, volume: SearchVolume) -> Float:
    """Return the expected number of clusters (or maxima) above t by chance."""
    densities = np.maximum(euler_densities(t, volume.dof, volume.numerator), TINY)
    return np.asarray(densities @ volume.resels)


def peak_p_uncorrected(t: ArrayLike, dof: float, numerator: int | None = None) -> Float:
    """Return the uncorrected p of a peak, 1 - exp(-P(T > t)) as SPM12 prints it."""
    return np.asarray(-np.expm1(-tail(t, dof, numerator)))


def peak_z(t: ArrayLike, dof: float, numerator: int | None = None) -> Float:
    """Return the normal deviate of :func:`peak_p_uncorrected`; finite where SPM12 prints Inf."""
    return np.asarray(-special.ndtri(peak_p_uncorrected(t, dof, numerator)))


def peak_p_fwe(t: ArrayLike, volume: SearchVolume) -> Float:
    """Compute the family-wise p of a peak: the smaller of random field and Bonferroni."""
    field = -np.expm1(-(expected_clusters(t, volume) + TINY))
    bonferroni = volume.voxels * tail(t, volume.dof, volume.numerator)
    return np.asarray(np.minimum(field, np.minimum(bonferroni, 1.0)))


def peak_q_fdr(t: ArrayLike, u: float, volume: SearchVolume) -> Float:
    """Compute topological FDR q of all maxima above u (Chumbley 2010); pass every maximum."""
    share = expected_clusters(t, volume) / expected_clusters(u, volume)
    return benjamini_hochberg(share)


def critical_height(volume: SearchVolume, alpha: float = 0.05) -> float:
    """Compute the smallest t with family-wise p of alpha."""
    return float(
        optimize.brentq(lambda t: float(peak_p_fwe(t, volume)) - alpha, 1.0, 1e6, xtol=1e-12)
    )


def cluster_p_uncorrected(voxels: ArrayLike, u: float, volume: SearchVolume) -> Float:
    """Return the p of a cluster's extent above height u (Friston 1994).

    exp(-beta K^(2/3)), K its size in resels, beta = (gamma(5/2) / E[K])^(2/3).
    """
    densities = np.maximum(euler_densities(u, volume.dof, volume.numerator), TINY)
    expected = densities[0] / densities[3]
    beta = (special.gamma(2.5) / expected) ** (2 / 3)
    size = np.asarray(voxels, np.float64) / volume.resel_voxels
    return np.asarray(np.exp(-beta * size ** (2 / 3)))


def cluster_p_fwe(voxels: ArrayLike, u: float, volume: SearchVolume) -> Float:
    """Compute the family-wise p of a cluster's extent above height u."""
    expected = expected_clusters(u, volume) + TINY
    return np.asarray(-np.expm1(-expected * cluster_p_uncorrected(voxels, u, volume)))


def set_p(clusters: int, extent_voxels: int, u: float, volume: SearchVolume) -> float:
    """Return the p of seeing at least this many clusters of at least this extent."""
    share = cluster_p_uncorrected(extent_voxels, u, volume) if extent_voxels else 1.0
    rate = (expected_clusters(u, volume) + TINY) * share
    return float(stats.poisson.sf(clusters - 1, rate))
