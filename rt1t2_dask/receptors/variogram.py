"""Surrogates whose variogram is the map's own (Burt et al. 2020, NeuroImage 220:117038)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.space import Family

Floats = NDArray[np.float64]

#: Share of the regions that smoothing reaches; the best one is taken for each surrogate.
REACH = tuple(np.arange(1, 10) / 10)
_BINS = 25
_NEAR_PERCENTILE = 25.0
_BIN_KERNEL = 2.68


@dataclass(frozen=True)
class Variogram:
    """Weights of pairs of regions in each distance bin.

    Parameters
    ----------
    left, right : ndarray of int, shape (pair,)
    weight : ndarray, shape (bin, pair)
        Sum 1 over pairs.
    distance_mm : ndarray, shape (bin,)
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    weight: Floats
    distance_mm: Floats

    def of(self, columns: Floats) -> Floats:
        """Half the mean squared difference in each bin, shape (bin, n), of maps (region, n)."""
        difference = columns[self.left] - columns[self.right]
        return np.asarray(0.5 * self.weight @ np.square(difference))


def variogram(xyz: Floats) -> Variogram:
    """Weigh pairs: Gaussian bins over the nearest quarter of the distances.

    Parameters
    ----------
    xyz : ndarray, shape (region, 3)
        Places in mm; at least 5.
    """
    left, right = np.triu_indices(len(xyz), 1)
    distance = np.linalg.norm(xyz[left] - xyz[right], axis=1)
    near = distance <= np.percentile(distance, _NEAR_PERCENTILE)
    left, right, distance = left[near], right[near], distance[near]
    bins = np.linspace(distance.min(), distance.max(), _BINS)
    width = 3 * (bins[1] - bins[0]) or 1.0
    weight = np.exp(-np.square(_BIN_KERNEL * (distance - bins[:, None]) / width) / 2)
    weight /= weight.sum(axis=1, keepdims=True)
    return Variogram(left, right, weight, bins)


def variogram_surrogates(
    values: Floats, family: Family, n: int, rng: np.random.Generator
) -> Floats:
    """Permute, smooth and scale a map until its variogram fits again.

    Parameters
    ----------
    values : ndarray, shape (k,)
        Standardised within each structure.
    family : Family
    n : int
    rng : Generator

    Returns
    -------
    ndarray, shape (n, k)
    """
    tool = variogram(family.xyz)
    order = rng.permuted(np.tile(np.arange(len(values)), (n, 1)), axis=1)
    noise = rng.standard_normal((len(values), n))
    return _fit(values, values[order.T], noise, family.xyz, tool).T


def _fit(values: Floats, shuffled: Floats, noise: Floats, xyz: Floats, tool: Variogram) -> Floats:
    """Choose for each surrogate the smoothing whose variogram, scaled, comes nearest."""
    target = tool.of(values[:, None])[:, 0]
    best, chosen = np.full(shuffled.shape[1], np.inf), np.zeros_like(shuffled)
    for reach in REACH:
        smooth = _kernel(xyz, reach) @ shuffled
        intercept, slope, error = _regress(target, tool.of(smooth))
        scaled = np.sqrt(np.abs(slope)) * smooth + np.sqrt(np.abs(intercept)) * noise
        better = error < best
        chosen[:, better], best[better] = scaled[:, better], error[better]
    return chosen


def _regress(target: Floats, found: Floats) -> tuple[Floats, Floats, Floats]:
    """Least squares of the target on each column: intercept, slope, squared error."""
    centred = found - found.mean(axis=0)
    goal = target - target.mean()
    slope = goal @ centred / np.square(centred).sum(axis=0)
    intercept = target.mean() - slope * found.mean(axis=0)
    error = np.square(goal[:, None] - slope * centred).sum(axis=0)
    return intercept, slope, error


def _kernel(xyz: Floats, reach: float) -> Floats:
    """Exponential weights of each region's nearest ``reach`` share, itself included; rows sum 1."""
    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=-1)
    nearest = np.sort(distance, axis=1)[:, max(int(reach * len(xyz)), 2) - 1, None]
    weight = np.where(distance <= nearest, np.exp(-distance / nearest), 0.0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
