"""One variance per group, pooled over voxels by restricted maximum likelihood (SPM12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.columns import combine, total

Float = NDArray[np.float64]
TILE = 4096
GRAIN = 2.0**20
CONSTANT = 1e-20
MAX_ITERATIONS = 32
CONVERGED = 0.1
PRIOR_PRECISION = float(np.exp(-8))


@dataclass(frozen=True)
class PooledCovariance:
    """Covariance of the residuals between participants, summed over voxels.

    Sums are whole numbers (residuals on a grid of 2^-20), so blocks add up to the same bits in any
    order; exact for fewer than 2^22 voxels.

    Parameters
    ----------
    products : ndarray of int64, shape (participant, participant)
        Sum of e e' over voxels, e of unit length, times 2^40.
    voxels : int
        Voxels that went in.
    """

    products: NDArray[np.int64]
    voxels: int

    def __add__(self, other: PooledCovariance) -> PooledCovariance:
        """Pool two blocks."""
        return PooledCovariance(self.products + other.products, self.voxels + other.voxels)

    def mean(self, dof: int) -> Float:
        """Return the mean over voxels of e e' * dof / (e'e)."""
        return self.products.astype(np.float64) / GRAIN**2 * dof / max(self.voxels, 1)


def accumulate_cy(data: NDArray[Any], design: Design, alpha: float = 0.001) -> PooledCovariance:
    """Pool the residuals of one block of voxels.

    Parameters
    ----------
    data : ndarray, shape (participant, voxel)
        Voxels with missing data are left out.
    design : Design
        Its columns are fitted by ordinary least squares.
    alpha : float
        Only voxels whose F test of all columns has p under this (SPM12's ``UFp``).

    Notes
    -----
    SPM12 pools y y'; ReML sees y only through the residuals, so pooling e e' gives the same
    estimate without losing digits to the mean of the images.
    """
    basis, _ = np.linalg.qr(design.matrix)
    critical = stats.f.isf(alpha, design.rank, design.dof)
    products = np.zeros((design.n, design.n), np.int64)
    voxels = 0
    tile = max(64, min(TILE, 2**21 // design.n))
    for start in range(0, data.shape[1], tile):
        values = np.asarray(data[:, start : start + tile], np.float64)
        values = values[:, np.isfinite(values).all(axis=0)]
        fitted = combine(basis.T, values)
        residuals = values - combine(basis, fitted)
        rss, explained = total(residuals**2), total(fitted**2)
        kept = (rss > CONSTANT * explained) & (
            explained * design.dof > critical * rss * design.rank
        )
        unit = np.rint(residuals[:, kept] / np.sqrt(rss[kept]) * GRAIN)
        products += (unit @ unit.T).astype(np.int64)
        voxels += int(kept.sum())
    return PooledCovariance(products, voxels)


def group_variances(pooled: PooledCovariance, design: Design) -> dict[str, float]:
    """Estimate the relative variance of each group, scaled to a mean of 1 over participants.

    Parameters
    ----------
    pooled : PooledCovariance
        The sum over all blocks.
    design : Design
        The model whose residuals were pooled.

    Returns
    -------
    dict
        Group to variance; ``fit(..., variance="spm_unequal", group_variance=...)``.

    Raises
    ------
    UserError
        No voxel to estimate from, or a variance that is not positive.

    Notes
    -----
    Fisher scoring as SPM12's ``spm_reml``: its step, its stopping rule (predicted gain
    under 0.1) and its prior, mean 0 and precision exp(-8), which takes about 5e-5 off
    the maximum likelihood: reproduced because its users compare digits.
    """
    if pooled.voxels == 0:
        raise UserError(
            "contrast.variance=spm_unequal: no voxel is measured in all participants; use "
            "contrast.variance=welch."
        )
    components = [np.diag((design.group == g).astype(np.float64)) for g in design.groups]
    variance = _fisher_scoring(pooled.mean(design.dof), design.matrix, components)
    if np.any(variance <= 0):
        raise UserError(
            f"contrast.variance=spm_unequal: variances {variance.round(4).tolist()} of "
            f"{list(design.groups)} are not all positive; use contrast.variance=welch."
        )
    share = np.array([np.mean(design.group == g) for g in design.groups])
    scaled = variance / (share @ variance)
    return dict(zip(design.groups, scaled.tolist(), strict=True))


def _fisher_scoring(covariance: Float, matrix: Float, components: list[Float]) -> Float:
    variance = np.ones(len(components))
    regularisation, last_gain = 4.0, np.inf
    for _ in range(MAX_ITERATIONS):
        gradient, curvature = _derivatives(covariance, matrix, components, variance)
        step = _flow(curvature, gradient, regularisation)
        variance = variance + step
        gain = float(gradient @ step)
        regularisation += -1.0 if gain > last_gain else 0.25
        last_gain = gain
        if gain < CONVERGED:
            break
    return variance


def _derivatives(
    covariance: Float, matrix: Float, components: list[Float], variance: Float
) -> tuple[Float, Float]:
    precision = np.linalg.inv(sum(v * q for v, q in zip(variance, components, strict=True)))
    weighted = precision @ matrix
    projection = precision - weighted @ np.linalg.solve(matrix.T @ weighted, weighted.T)
    parts = [projection @ q for q in components]
    misfit = np.eye(len(covariance)) - projection @ covariance
    gradient = np.array([-np.sum(part * misfit.T) / 2 for part in parts])
    curvature = np.array([[-np.sum(a * b.T) / 2 for b in parts] for a in parts])
    prior = PRIOR_PRECISION * np.eye(len(parts))
    return gradient - prior @ variance, curvature - prior


def _flow(curvature: Float, gradient: Float, regularisation: float) -> Float:
    """Integrate the gradient flow over a finite time: (exp(tH) - 1) H^-1 g."""
    values, vectors = np.linalg.eigh(curvature)
    time = np.exp(regularisation - np.mean(np.log(np.abs(values))))
    return np.asarray(vectors @ (np.expm1(time * values) / values * (vectors.T @ gradient)))
