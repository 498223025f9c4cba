"""Rank correlation of a map with every gene, under spins of the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Float = NDArray[np.float64]
Index = NDArray[np.intp]
CHUNK = 64
ROUNDING = 1e-10


@dataclass(frozen=True)
class GeneCorrelation:
    """Spearman's rho of each gene, and its two-sided p under spins.

    Parameters
    ----------
    rho : ndarray, shape (gene,)
        NaN for a gene without variance.
    p : ndarray, shape (gene,)
        (#{|null| >= |rho|} + 1) / (n + 1).
    p_family : ndarray, shape (gene,)
        The same against the largest |rho| of any gene in each spin (family-wise error).
    """

    rho: Float
    p: Float
    p_family: Float


def unit_ranks(values: Float, axis: int = 0) -> Float:
    """Rank (ties share their mean), centre and scale to unit norm; 0 without variance."""
    ranks = stats.rankdata(values, axis=axis)
    ranks = ranks - ranks.mean(axis=axis, keepdims=True)
    norm = np.linalg.norm(ranks, axis=axis, keepdims=True)
    return np.asarray(np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 0))


def correlate(expression: Float, regional: Float, spins: Index) -> GeneCorrelation:
    """Correlate a map with every gene.

    Parameters
    ----------
    expression : ndarray, shape (region, gene)
    regional : ndarray, shape (region,)
        No NaN.
    spins : ndarray of int, shape (spin, region)
        Null map b is ``regional[spins[b]]``.

    Notes
    -----
    One matrix product per block of spins; no array of size spin x gene is kept.
    """
    genes = unit_ranks(expression)
    rho = genes.T @ unit_ranks(regional)
    bar = np.abs(rho) - ROUNDING
    reached, largest = np.zeros(len(rho), np.int64), np.zeros(len(spins))
    for start in range(0, len(spins), CHUNK):
        null = unit_ranks(regional[spins[start : start + CHUNK]], axis=1) @ genes
        np.abs(null, out=null)
        reached += np.count_nonzero(null >= bar, axis=0)
        largest[start : start + CHUNK] = null.max(axis=1)
    family = len(spins) - np.searchsorted(np.sort(largest), bar, side="left")
    known = np.linalg.norm(genes, axis=0) > 0
    columns = (rho, (reached + 1) / (len(spins) + 1), (family + 1) / (len(spins) + 1))
    return GeneCorrelation(*(np.where(known, column, np.nan) for column in columns))


@dataclass(frozen=True)
class MapCorrelation:
    """Correlation of two maps and its p under spins of the first."""

    r: float
    rho: float
    p: float
    p_rho: float
    n: int


def correlate_maps(first: Float, second: Float, spins: Index) -> MapCorrelation:
    """Correlate two maps, Pearson and Spearman, two-sided p under spins of the first.

    Parameters
    ----------
    first, second : ndarray, shape (region,)
        Same regions, no NaN.
    spins : ndarray of int, shape (spin, region)
    """
    found = []
    for a, b in ((first, second), (stats.rankdata(first), stats.rankdata(second))):
        rows = np.vstack([a, a[spins]])
        rows = rows - rows.mean(axis=1, keepdims=True)
        norm = np.linalg.norm(rows, axis=1) * np.linalg.norm(b - b.mean())
        r = np.divide(rows @ (b - b.mean()), norm, out=np.zeros(len(rows)), where=norm > 0)
        reached = np.count_nonzero(np.abs(r[1:]) >= np.abs(r[0]) - ROUNDING)
        found.append((float(r[0]), (reached + 1) / (len(spins) + 1)))
    (r, p), (rho, p_rho) = found
    return MapCorrelation(r, rho, float(p), float(p_rho), len(first))
