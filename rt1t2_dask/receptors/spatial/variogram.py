"""Variograms of regional maps, to check surrogates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

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
        """Compute the semivariance in each bin, shape (bin, n), of maps (region, n)."""
        difference = columns[self.left] - columns[self.right]
        return np.asarray(0.5 * self.weight @ np.square(difference))


@dataclass(frozen=True)
class Fit:
    """The variograms of a map and of its surrogates.

    Parameters
    ----------
    distance_mm, own, mean, low, high : ndarray, shape (bin,)
        Of the map; mean, 2.5 % and 97.5 % of its surrogates.
    """

    distance_mm: Floats
    own: Floats
    mean: Floats
    low: Floats
    high: Floats

    @property
    def error(self) -> float:
        """Mean absolute error of the surrogates' mean variogram, relative to the map's."""
        return float(np.mean(np.abs(self.mean - self.own)) / np.mean(self.own))


def variogram(xyz: Floats) -> Variogram:
    """Weight pairs of regions in Gaussian bins over the smallest quarter of distances.

    Parameters
    ----------
    xyz : ndarray, shape (region, 3)
        Places in mm; at least 5.

    Notes
    -----
    The bins of Burt et al. 2020, NeuroImage 220:117038.
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


def compare(values: Floats, surrogates: Floats, xyz: Floats) -> Fit:
    """Compare a map's variogram with its surrogates'.

    Parameters
    ----------
    values : ndarray, shape (region,)
    surrogates : ndarray, shape (n, region)
    xyz : ndarray, shape (region, 3)
    """
    tool = variogram(xyz)
    found = tool.of(surrogates.T)
    low, high = np.quantile(found, [0.025, 0.975], axis=1)
    own = tool.of(values[:, None])[:, 0]
    return Fit(tool.distance_mm, own, found.mean(axis=1), low, high)
