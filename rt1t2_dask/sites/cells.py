"""Cells: sets of a site's people whose sums do not disclose small groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Cell = NDArray[np.intp]

MOST_HELD = 0.95
MOST_SETS, BATCH = 1_000_000, 50_000
WORTH = 0.002


def held(design: Float, least: int) -> float:
    """Compute the largest share of a weighted sum held by fewer than ``least`` people.

    Parameters
    ----------
    design : ndarray, shape (person, column)
        Weights of the sums over people.
    least : int
        2 or more.

    Returns
    -------
    float
        Over all sums that follow from X'Y, with weights w = Xa: the largest share of sum(w^2)
        that lies on ``least`` - 1 people, 0 to 1. 1: a sum is about those people alone. Known
        exactly above `MOST_HELD`; below it, and where there are over a million sets to look
        at, a bound from above.

    Notes
    -----
    For a set S the largest share is the largest eigenvalue of Q_S'Q_S, Q an orthonormal basis
    of X; it is at most the sum of the people's leverages, so that most sets need no check.
    """
    left, singular, _ = np.linalg.svd(design, full_matrices=False)
    basis = left[:, singular > 1e-10 * max(float(singular.max(initial=0.0)), 1e-300)]
    leverage = (basis**2).sum(axis=1)
    few = least - 1
    if len(basis) <= few:
        return 1.0
    order = np.argsort(leverage)[::-1]
    bound = float(leverage[order[:few]].sum())
    if bound <= MOST_HELD or math.comb(len(order), few) > MOST_SETS:
        return min(bound, 1.0)
    most, sets = 0.0, combinations(order.tolist(), few)
    while batch := list(islice(sets, BATCH)):
        rows = np.asarray(batch)
        rows = rows[leverage[rows].sum(axis=1) > max(most, MOST_HELD)]
        if len(rows):
            chosen = basis[rows]
            shares = np.linalg.eigvalsh(np.einsum("sik,sil->skl", chosen, chosen))[:, -1]
            most = max(most, float(shares.max()))
    return min(max(most, min(bound, MOST_HELD)), 1.0)


def is_safe(design: Float, least: int) -> bool:
    """Whether no weighted sum over these people discloses fewer than ``least``; see `held`."""
    return len(design) >= least and held(design, least) <= MOST_HELD


@dataclass(frozen=True)
class Patterns:
    """Patterns of present people over voxels.

    Parameters
    ----------
    present : ndarray of bool, shape (pattern, person)
    voxels : ndarray of int, shape (pattern,)
        Number of voxels with this pattern.
    """

    present: Bool
    voxels: NDArray[np.int64]

    @classmethod
    def of(cls, counts: Mapping[bytes, int], people: int, most: int = 20_000) -> Patterns:
        """Unpack the tally of `count`; the most frequent patterns suffice to choose cells."""
        common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
        packed = np.array([np.frombuffer(key, np.uint8) for key, _ in common])
        bits = np.unpackbits(packed.reshape(len(common), -1), axis=1, count=people)
        return cls(bits.astype(bool), np.array([n for _, n in common], np.int64))

    def kept(self, cells: Sequence[Cell]) -> int:
        """Count the measurements shared if a cell is used only where complete."""
        return sum(int(len(c) * self.voxels[self.present[:, c].all(axis=1)].sum()) for c in cells)


def count(present: Bool, counts: dict[bytes, int]) -> None:
    """Add the patterns of a block to a tally, in place; shape of ``present`` (person, voxel)."""
    packed, found = np.unique(np.packbits(present, axis=0), axis=1, return_counts=True)
    for column, n in zip(packed.T, found.tolist(), strict=True):
        key = column.tobytes()
        counts[key] = counts.get(key, 0) + n


def divide(people: Cell, patterns: Patterns, design: Float, least: int) -> list[Cell]:
    """Divide a group into cells, so that few people are left out where data are missing.

    Parameters
    ----------
    people : ndarray of int
        The group; rows of ``design`` and columns of ``patterns.present``.
    patterns : Patterns
    design : ndarray, shape (person, column)
    least : int

    Returns
    -------
    list of ndarray of int
        Safe cells that partition the group: the group itself where halves are not safe, or would
        share hardly more.
    """
    best: tuple[int, list[Cell]] = (patterns.kept([people]), [people])
    wanted = best[0] + WORTH * len(people) * patterns.voxels.sum()
    alike = _alike(patterns.present[:, people], patterns.voxels)
    for order in _orders(alike, design[people]):
        for cut in range(least, len(order) - least + 1):
            halves = [np.sort(people[order[:cut]]), np.sort(people[order[cut:]])]
            gain = patterns.kept(halves)
            if gain > max(best[0], wanted) and all(is_safe(design[h], least) for h in halves):
                best = (gain, halves)
    if len(best[1]) == 1:
        return best[1]
    return [cell for half in best[1] for cell in divide(half, patterns, design, least)]


def _alike(present: Bool, voxels: NDArray[np.int64]) -> Cell:
    """Order people so that those with the same missing voxels are adjacent."""
    missing = (~present).astype(np.float64) * np.sqrt(voxels)[:, None]
    vectors = np.linalg.eigh(missing.T @ missing)[1]
    return np.lexsort((np.arange(present.shape[1]), np.round(vectors[:, -1], 9)))


def _orders(alike: Cell, design: Float) -> list[Cell]:
    """Yield orders to split: as they are; with every level on both sides; level by level."""
    coded = design[:, ((design == 0) | (design == 1)).all(axis=0)]
    stratum = np.unique(coded, axis=0, return_inverse=True)[1].ravel()
    place = np.empty(len(alike), np.intp)
    place[alike] = np.arange(len(alike))
    within = [int((place[stratum == stratum[k]] < place[k]).sum()) for k in range(len(alike))]
    share = np.array(within) / np.bincount(stratum)[stratum]
    return [alike, np.lexsort((place, share)), np.lexsort((place, stratum))]


def atoms(divisions: Sequence[Mapping[str, int]]) -> list[frozenset[str]]:
    """Return the sets of people that several exports together distinguish.

    Parameters
    ----------
    divisions : sequence of mapping of str to int
        Of each export: the cell of every person. People not in an export are in none of its cells.

    Returns
    -------
    list of frozenset of str
        Every sum of every export is a sum over these sets, and a difference of exports can be
        about no smaller one.
    """
    where: dict[tuple[int, ...], set[str]] = {}
    for person in sorted({name for division in divisions for name in division}):
        key = tuple(division.get(person, -1) for division in divisions)
        where.setdefault(key, set()).add(person)
    return [frozenset(people) for people in where.values()]
