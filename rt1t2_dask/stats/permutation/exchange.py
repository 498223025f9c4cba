"""Permutations and sign flips, identical for any batch size or worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from math import factorial, prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.design import Design

Method = Literal["freedman_lane", "smith"]
Exchange = Literal["order", "sign", "both"]
Orders = NDArray[np.int16]
Rows = tuple[int, ...]
DRAW = 128
SIGN_CHANCE = 0.5


@dataclass(frozen=True)
class PermutationPlan:
    """The relabelings of a test, apart from the identity.

    Parameters
    ----------
    n : int
        Relabelings in all.
    seed : int
        Draws 128 k to 128 k + 127 come from ``SeedSequence(seed, spawn_key=(k,))``.
    participants : int
        Rows exchanged.
    batch_size : int
        Relabelings per batch; results do not depend on it.
    method : {"freedman_lane", "smith"}
        Permute residuals under the full model, or the residualised regressor.
    exchange : {"order", "sign", "both"}
        Permutations (exchangeable errors), sign flips (independent and symmetric errors), or both.
    kinds : tuple of int
        Set when all distinct relabelings are enumerated: rows of one kind have the same design, so
        exchanging them changes nothing.
    blocks : tuple of tuple of int
        Rows of each exchangeability block; none for a single block.
    whole : bool
        Exchange whole blocks of one size, instead of the rows within each.
    """

    n: int
    seed: int
    participants: int
    batch_size: int = DRAW
    method: Method = "freedman_lane"
    exchange: Exchange = "order"
    kinds: Rows | None = None
    blocks: tuple[Rows, ...] = ()
    whole: bool = False

    @property
    def exact(self) -> bool:
        """Whether all distinct relabelings are enumerated."""
        return self.kinds is not None

    @property
    def n_batches(self) -> int:
        """Number of batches."""
        return -(-self.n // self.batch_size)

    def orders(self, batch: int) -> Orders:
        """Return the relabelings of one batch, shape (relabeling, participant).

        Participant i takes position ``order[i]``; a negative entry also flips the sign and means
        position ``~order[i]``.
        """
        return self.span(batch * self.batch_size, (batch + 1) * self.batch_size)

    def span(self, first: int, last: int) -> Orders:
        """Return relabelings ``first`` to ``last``, or to the end; see :meth:`orders`."""
        last = min(last, self.n)
        if self.exact:
            return self._enumerated(first, last)
        drawn = [self._draw(k) for k in range(first // DRAW, -(-last // DRAW))]
        start = first // DRAW * DRAW
        return np.concatenate(drawn)[first - start : last - start]

    def _sets(self) -> list[NDArray[np.intp]]:
        """Return the sets of units that change places, each of shape (unit, row of the unit)."""
        blocks = self.blocks or (tuple(range(self.participants)),)
        if not self.whole:
            return [np.array(block)[:, None] for block in blocks]
        sizes = sorted({len(block) for block in blocks})
        return [np.array([b for b in blocks if len(b) == size]) for size in sizes]

    def _signed_units(self) -> NDArray[np.intp]:
        """Return the unit whose sign each row shares, shape (participant,)."""
        unit = np.arange(self.participants)
        for rows in self.blocks if self.whole else ():
            unit[list(rows)] = rows[0]
        return np.unique(unit, return_inverse=True)[1]

    def _draw(self, k: int) -> Orders:
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(k,)))
        orders = np.tile(np.arange(self.participants, dtype=np.int16), (DRAW, 1))
        for units in self._sets() if self.exchange != "sign" else []:
            shuffled = rng.permuted(np.tile(np.arange(len(units)), (DRAW, 1)), axis=1)
            orders[:, units.ravel()] = units[shuffled].reshape(DRAW, -1)
        if self.exchange != "order":
            unit = self._signed_units()
            flipped = rng.random((DRAW, unit.max() + 1)) < SIGN_CHANCE
            orders = np.where(flipped[:, unit], ~orders, orders)
        return orders

    def _enumerated(self, first: int, last: int) -> Orders:
        every = islice(self._relabelings(), first + 1, last + 1)
        return np.array(list(every), np.int16).reshape(-1, self.participants)

    def _relabelings(self) -> Iterator[NDArray[np.intp]]:
        """Yield every distinct relabeling, the identity first."""
        assert self.kinds is not None
        plain = np.arange(self.participants)
        orders = _arrangements(self._sets(), self.kinds) if self.exchange != "sign" else [plain]
        unit = self._signed_units()
        signs = range(2 ** (int(unit.max()) + 1)) if self.exchange != "order" else range(1)
        for order, code in product(orders, signs):
            yield np.where((code >> unit) & 1, ~order, order)


def exchanged(design: Design, variance: str = "equal") -> Exchange:
    """Return the valid exchange of a design's errors, ``variance`` as in ``glm.fit``.

    People of groups that differ in variance are not exchangeable: their signs are flipped, which
    needs only symmetry (Winkler et al. 2014), within exchangeability blocks as well: with 11
    against 18 people in three blocks and twice the spread in the small group, permutation gave
    positives in 28 % of 500 null studies at .05.

    Raises
    ------
    UserError
        Signs would flip in a design without a mean of each block: errors of a block are then not
        centred, and permutation within blocks gave positives in 12 to 16 % of 300 such studies.
    """
    differ = variance == "welch" and len(design.groups) > 1
    if differ and not design.flips and not _holds_blocks(design):
        raise UserError(
            "blocks: people of groups with variances of their own (contrast.variance=welch) can "
            "only be sign-flipped, which needs the mean of each block in the model; add the "
            "block's column to the covariates or the formula, or set contrast.variance=equal."
        )
    return "sign" if design.flips or differ else "order"


def _holds_blocks(design: Design) -> bool:
    """Return whether the model can fit the mean of every exchangeability block."""
    if design.blocks is None:
        return True
    member = (design.blocks[:, None] == np.unique(design.blocks)).astype(np.float64)
    both = np.column_stack([design.matrix, member])
    return bool(np.linalg.matrix_rank(both) == np.linalg.matrix_rank(design.matrix))


def plan(
    design: Design,
    n: int = 1000,
    seed: int = 0,
    *,
    batch_size: int = DRAW,
    method: Method = "freedman_lane",
    exchange: Exchange | None = None,
    exchangeable: Sequence[str] | None = None,
    whole: bool = False,
) -> PermutationPlan:
    """Plan n random relabelings, or all distinct ones if there are no more.

    Parameters
    ----------
    design : Design
        Rows with equal columns are interchangeable.
    n : int
        Relabelings apart from the identity.
    seed, batch_size, method, whole
        See :class:`PermutationPlan`.
    exchange : {"order", "sign", "both"}, optional
        By default as :func:`exchanged` for equal variances.
    exchangeable : sequence of str, length participant, optional
        Exchangeability block (site, family) of each row; by default those of the design.

    Raises
    ------
    UserError
        Smith's method for an F contrast; or no valid exchange between or within blocks.
    """
    if method == "smith" and design.q > 1:
        raise UserError("permute.method=smith is for t contrasts; F contrasts need freedman_lane.")
    labels = design.blocks if exchangeable is None else np.asarray(exchangeable)
    blocks = _rows_by_label(labels)
    chosen = exchange or exchanged(design)
    base = PermutationPlan(n, seed, design.n, batch_size, method, chosen, None, blocks, whole)
    if whole and chosen != "sign" and max(map(len, base._sets()), default=0) < 2:
        raise UserError("whole-block exchange: no two blocks have the same number of rows.")
    rows = np.unique(design.matrix, axis=0, return_inverse=True)[1].ravel()
    kinds = tuple(rows.tolist())
    ways = _count(base, kinds)
    if ways == 1:
        raise UserError(
            "permutation: no exchange within the blocks changes the design, since all rows "
            "within each block are equal; choose a block column with several groups in each "
            "block, or set permute.n=0."
        )
    return base if ways - 1 > n else replace(base, n=ways - 1, kinds=kinds)


def _rows_by_label(labels: Sequence[str] | NDArray[np.str_] | None) -> tuple[Rows, ...]:
    if labels is None:
        return ()
    names = np.asarray(labels)
    return tuple(
        tuple(np.flatnonzero(names == name).tolist()) for name in dict.fromkeys(names.tolist())
    )


def _count(base: PermutationPlan, kinds: Rows) -> int:
    """Count distinct relabelings, the identity included."""
    ways = 1
    for units in base._sets() if base.exchange != "sign" else []:
        alike = np.bincount(_kinds_of(units, kinds)).tolist()
        ways *= factorial(len(units)) // prod(factorial(count) for count in alike)
    return ways if base.exchange == "order" else ways * 2 ** (int(base._signed_units().max()) + 1)


def _kinds_of(units: NDArray[np.intp], kinds: Rows) -> NDArray[np.intp]:
    return np.unique(np.array(kinds)[units], axis=0, return_inverse=True)[1].ravel()


def _arrangements(sets: list[NDArray[np.intp]], kinds: Rows) -> Iterator[NDArray[np.intp]]:
    """Yield one order for every distinct arrangement of the kinds of units, the identity first."""
    ways = [list(_of_set(units, _kinds_of(units, kinds))) for units in sets]
    for chosen in product(*ways):
        order = np.empty(len(kinds), np.intp)
        for units, places in zip(sets, chosen, strict=True):
            order[units.ravel()] = units[places].ravel()
        yield order


def _of_set(units: NDArray[np.intp], own: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield the position of every unit for each distinct arrangement, the identity first."""
    yield np.arange(len(units))
    for labels in _relabelings(sorted(own.tolist())):
        wanted = np.array(labels)
        if not np.array_equal(wanted, own):
            places = np.empty(len(units), np.intp)
            for kind in set(labels):
                places[wanted == kind] = np.flatnonzero(own == kind)
            yield places


def _relabelings(labels: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield the distinct arrangements of sorted labels in lexicographic order."""
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
