"""Gene-set enrichment with spin nulls of the map, never by shuffling genes.

Genes of a set are expressed together, so that any smooth map seems enriched when genes are
shuffled (Fulcher et al. 2021, Nat Commun 12:2669); spins of the map preserve coexpression.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

Float = NDArray[np.float64]
Index = NDArray[np.intp]
CHUNK = 64
ROUNDING = 1e-12


@dataclass(frozen=True)
class Membership:
    """Gene-set membership by gene.

    Parameters
    ----------
    first : ndarray of int, shape (gene + 1,)
        Where each gene's sets start in ``sets``.
    sets : ndarray of int
        Indices of sets.
    size : ndarray of int, shape (set,)
        Genes of each set that are in the ranking.
    """

    first: Index
    sets: Index
    size: Index


@dataclass(frozen=True)
class Enrichment:
    """Enrichment of each set.

    Parameters
    ----------
    score : ndarray, shape (set,)
        Running-sum enrichment score, -1 to 1.
    normalised : ndarray, shape (set,)
        Score over the mean null score of the same sign; NaN where there is none.
    p : ndarray, shape (set,)
        Among null scores of the same sign, (#{|null| >= |score|} + 1) / (n of that sign + 1).
    median_rank : ndarray, shape (set,)
        Median place of the set's genes, 0 (lowest statistic) to 1 (highest).
    p_median_rank : ndarray, shape (set,)
        Two-sided, twice the smaller tail, each (count + 1) / (n + 1).
    """

    score: Float
    normalised: Float
    p: Float
    median_rank: Float
    p_median_rank: Float


def membership(sets: Sequence[Index], n_genes: int) -> Membership:
    """Convert lists of gene positions to membership by gene."""
    gene = np.concatenate([np.unique(s) for s in sets]) if sets else np.empty(0, np.intp)
    size = np.array([len(np.unique(s)) for s in sets], np.intp)
    order = np.argsort(gene, kind="stable")
    number = np.repeat(np.arange(len(sets)), size)[order]
    first = np.searchsorted(gene[order], np.arange(n_genes + 1)).astype(np.intp)
    return Membership(first, number.astype(np.intp), size)


def running_sum(statistic: Float, members: Membership, weight: float = 1.0) -> tuple[Float, Float]:
    """Compute running-sum scores of all sets in one pass.

    Parameters
    ----------
    statistic : ndarray, shape (gene,)
        Ranked in descending order; no NaN.
    members : Membership
    weight : float
        Power of |statistic| by which hits count (Subramanian et al. 2005); 1 is usual.

    Returns
    -------
    score : ndarray, shape (set,)
        Largest deviation of the running sum, as GSEA: the positive one when both are as large.
    median_rank : ndarray, shape (set,)
        As in `Enrichment`.
    """
    return _walked(np.argsort(-statistic, kind="stable"), statistic, members, weight)


def _walked(
    order: Index, statistic: Float, members: Membership, weight: float
) -> tuple[Float, Float]:
    strength = np.abs(statistic) if weight == 1.0 else np.abs(statistic) ** weight
    return _walk(order, strength, members.first, members.sets, members.size)


def _descending(statistic: Float) -> Index:
    """Sort in descending order in single precision, ties by position: one integer sort."""
    bits = (-statistic).astype(np.float32).view(np.uint32)
    sign = np.where(bits >> 31, np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    keys = (bits ^ sign).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(len(statistic), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.intp)


def enrich(
    statistic: Float,
    members: Membership,
    null: Callable[[slice], Float],
    n_spins: int,
    weight: float = 1.0,
) -> Enrichment:
    """Test every set against spin nulls.

    Parameters
    ----------
    statistic : ndarray, shape (gene,)
    members : Membership
    null : callable
        Returns the statistic of a slice of spins, shape (spin, gene).
    n_spins : int
    weight : float
        As in `running_sum`.
    """
    score, median = running_sum(statistic, members, weight)
    scores, medians = (np.empty((n_spins, len(members.size))) for _ in range(2))
    for start in range(0, n_spins, CHUNK):
        block = slice(start, min(start + CHUNK, n_spins))
        for row, spun in zip(range(block.start, block.stop), null(block), strict=True):
            order = _descending(spun)
            scores[row], medians[row] = _walked(order, spun, members, weight)
    same = np.sign(scores) == np.sign(score)
    count = same.sum(axis=0)
    reached = np.sum(same & (np.abs(scores) >= np.abs(score) - ROUNDING), axis=0)
    mean = np.divide(
        np.sum(np.abs(scores) * same, axis=0),
        count,
        out=np.full(len(score), np.nan),
        where=count > 0,
    )
    tails = [np.sum(sign * medians >= sign * median - ROUNDING, axis=0) + 1 for sign in (1, -1)]
    two_sided = np.minimum(1.0, 2 * np.minimum(*tails) / (n_spins + 1))
    return Enrichment(score, score / mean, (reached + 1) / (count + 1), median, two_sided)


@compiled
def _walk(
    order: Index, strength: Float, first: Index, sets: Index, size: Index
) -> tuple[Float, Float]:
    n_genes, n_sets = len(order), len(size)
    total = np.zeros(n_sets)
    for g in range(n_genes):
        for m in range(first[g], first[g + 1]):
            total[sets[m]] += strength[g]
    hits = np.zeros(n_sets, np.intp)
    run = np.zeros(n_sets)
    highest, lowest, median = np.zeros(n_sets), np.zeros(n_sets), np.zeros(n_sets)
    for place in range(n_genes):
        g = order[place]
        for m in range(first[g], first[g + 1]):
            s = sets[m]
            missed = (place - hits[s]) / (n_genes - size[s]) if n_genes > size[s] else 0.0
            lowest[s] = min(lowest[s], run[s] - missed)
            run[s] += strength[g] / total[s] if total[s] > 0 else 1.0 / size[s]
            highest[s] = max(highest[s], run[s] - missed)
            if hits[s] == (size[s] - 1) // 2 or hits[s] == size[s] // 2:
                share = 1.0 - place / (n_genes - 1)
                median[s] += share if size[s] % 2 == 1 else share / 2
            hits[s] += 1
    return np.where(highest >= -lowest - ROUNDING, highest, lowest), median
