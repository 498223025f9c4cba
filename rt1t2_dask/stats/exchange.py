"""Orders in which participants are permuted: the same for any batch size or worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from math import factorial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.design import Design

Method = Literal["freedman_lane", "smith"]
Orders = NDArray[np.int16]
DRAW = 128


@dataclass(frozen=True)
class PermutationPlan:
    """Which permutations are run, apart from the identity.

    Parameters
    ----------
    n : int
        Permutations in all.
    seed : int
        Draws 128 k to 128 k + 127 come from ``SeedSequence(seed, spawn_key=(k,))``.
    participants : int
        Rows permuted.
    batch_size : int
        Permutations a batch; results do not depend on it.
    method : {"freedman_lane", "smith"}
        Permute residuals under the full model, or the residualised regressor.
    kinds : tuple of int
        Given when all distinct relabelings are enumerated: rows of one kind have
        the same design, so exchanging them changes nothing.
    edges : tuple of int
        Where a new exchangeability block starts; rows stay within theirs.
    """

    n: int
    seed: int
    participants: int
    batch_size: int = DRAW
    method: Method = "freedman_lane"
    kinds: tuple[int, ...] | None = None
    edges: tuple[int, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether every distinct relabeling is run once."""
        return self.kinds is not None

    @property
    def n_batches(self) -> int:
        """Batches that make up the plan."""
        return -(-self.n // self.batch_size)

    def orders(self, batch: int) -> Orders:
        """Row orders of one batch, shape (permutation, participant)."""
        first = batch * self.batch_size
        last = min(first + self.batch_size, self.n)
        if self.kinds is not None:
            return _enumerated(self.kinds, first, last)
        drawn = [self._draw(k) for k in range(first // DRAW, -(-last // DRAW))]
        start = first // DRAW * DRAW
        return np.concatenate(drawn)[first - start : last - start]

    def _draw(self, k: int) -> Orders:
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(k,)))
        rows = np.tile(np.arange(self.participants, dtype=np.int16), (DRAW, 1))
        blocks = np.split(rows, self.edges, axis=1)
        return np.concatenate([rng.permuted(b, axis=1) for b in blocks], axis=1)


def plan(
    design: Design,
    n: int = 1000,
    seed: int = 0,
    *,
    batch_size: int = DRAW,
    method: Method = "freedman_lane",
    exchangeable: Sequence[str] | None = None,
) -> PermutationPlan:
    """Plan n random permutations, or all distinct relabelings when they are no more.

    Parameters
    ----------
    design : Design
        Rows with equal columns are interchangeable.
    n : int
        Permutations apart from the identity.
    seed, batch_size, method
        See :class:`PermutationPlan`.
    exchangeable : sequence of str, length participant, optional
        Exchangeability block (site) of each row; people are exchanged within it
        only, and relabelings are drawn, never enumerated.

    Raises
    ------
    UserError
        The rows of a block do not follow each other.
    """
    if exchangeable is not None:
        edges = _block_edges(exchangeable)
        return PermutationPlan(n, seed, design.n, batch_size, method, edges=edges)
    kinds = np.unique(design.matrix, axis=0, return_inverse=True)[1].ravel()
    ways = factorial(design.n)
    for count in np.bincount(kinds).tolist():
        ways //= factorial(count)
    if ways - 1 <= n:
        return PermutationPlan(ways - 1, seed, design.n, batch_size, method, tuple(kinds.tolist()))
    return PermutationPlan(n, seed, design.n, batch_size, method)


def _block_edges(exchangeable: Sequence[str]) -> tuple[int, ...]:
    """Find the starts of all blocks but the first.

    A block must be contiguous: then the order induced on those measured at a
    voxel keeps to the blocks too.
    """
    starts = [0] + [k for k, (a, b) in enumerate(pairwise(exchangeable), 1) if a != b]
    names = [exchangeable[k] for k in starts]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(
            f"exchangeability block '{twice}' is not contiguous; sort the participants by block."
        )
    return tuple(starts[1:])


def _enumerated(kinds: tuple[int, ...], first: int, last: int) -> Orders:
    """Relabelings first to last in lexicographic order, the identity left out."""
    others = (labels for labels in _relabelings(sorted(kinds)) if labels != kinds)
    own = np.array(kinds)
    orders = np.empty((last - first, len(kinds)), np.int16)
    for row, labels in zip(orders, islice(others, first, last), strict=True):
        wanted = np.array(labels)
        for kind in set(kinds):
            row[wanted == kind] = np.flatnonzero(own == kind)
    return orders


def _relabelings(labels: list[int]) -> Iterator[tuple[int, ...]]:
    """Distinct arrangements of sorted labels, each the lexicographic successor."""
    current = list(labels)
    while True:
        yield tuple(current)
        pivot = len(current) - 2
        while pivot >= 0 and current[pivot] >= current[pivot + 1]:
            pivot -= 1
        if pivot < 0:
            return
        swap = len(current) - 1
        while current[swap] <= current[pivot]:
            swap -= 1
        current[pivot], current[swap] = current[swap], current[pivot]
        current[pivot + 1 :] = current[:pivot:-1]
