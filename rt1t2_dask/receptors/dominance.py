"""Dominance analysis of receptors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice
from math import comb

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.correlation import Kind, usable
from rt1t2_dask.receptors.ranks import average_ranks

Floats = NDArray[np.float64]

MAX_MAPS = 20
AT_ONCE = 10_000
LEAST_OWN = 1e-8
"""Least eigenvalue of the correlation among maps: .007 of the 17, .003 of 20 shipped ones."""


def total_dominance(
    profiles: Floats, maps: Floats, gm: Floats | None = None, kind: Kind = "spearman"
) -> Floats:
    """Partition the explained variance of a multiple regression among the maps.

    Parameters
    ----------
    profiles : ndarray, shape (..., region)
        One regression each.
    maps : ndarray, shape (m, region)
        At most 20; regions missing in any profile or map are left out. A constant map, or one with
        fewer than 4 regions, is left out of the regression.
    gm : ndarray, shape (region,), optional
        Regressed out of profiles and maps first.
    kind : {"spearman", "pearson"}
        ``spearman`` regresses ranks on ranks.

    Returns
    -------
    ndarray, shape (..., m)
        The sum is R^2 of the full regression; NaN for maps left out of it.

    Raises
    ------
    UserError
        More than 20 maps, not more regions than maps, or maps that are combinations of others.

    Notes
    -----
    Total dominance (Budescu 1993, Psychol Bull 114:542): a map's gain in R^2, averaged over all
    subsets of the others of each size, then over the sizes. R^2 of a subset is a quadratic form of
    the profile's correlations with the maps, and so is a sum of such gains.
    """
    known = np.asarray(~np.isnan(profiles.reshape(-1, profiles.shape[-1])).any(axis=0))
    return Regression(maps, gm, kind, known).dominance(profiles)


class Regression:
    """The multiple regression of profiles on maps over the same regions, prepared once.

    Parameters
    ----------
    maps, gm, kind
        As of `total_dominance`.
    known : ndarray of bool, shape (region,)
        Regions to use; those missing in a map or in ``gm`` are left out too.
    """

    def __init__(
        self, maps: Floats, gm: Floats | None, kind: Kind, known: NDArray[np.bool_]
    ) -> None:
        self.kept = np.flatnonzero(usable(maps))
        self.of, self._spearman = len(maps), kind == "spearman"
        own = maps[self.kept] if gm is None else np.vstack([maps[self.kept], gm])
        self.known = known & ~np.isnan(own).any(axis=0)
        n, m = int(self.known.sum()), len(self.kept)
        if m > MAX_MAPS or n <= m + 2:
            raise UserError(
                f"Dominance analysis of {m} maps over {n} regions: at most {MAX_MAPS} maps, and "
                "more regions than maps. Choose fewer receptors.maps."
            )
        self._held = None if gm is None else self._centred(gm[None])[0]
        self._maps = self._without_gm(self._centred(maps[self.kept]))
        among = self._maps @ self._maps.T
        if m and np.linalg.eigvalsh(among)[0] < LEAST_OWN:
            raise UserError(
                f"Dominance analysis: one of the {m} maps is nearly a combination of the others. "
                "Choose fewer receptors.maps."
            )
        self._forms = _forms(among)

    def dominance(self, profiles: Floats) -> Floats:
        """Return the total dominance of each map, shape (..., m), for profiles (..., region)."""
        flat = profiles.reshape(-1, profiles.shape[-1])
        correlations = self._without_gm(self._centred(flat)) @ self._maps.T
        shares: Floats = np.full((len(flat), self.of), np.nan)
        for k, form in zip(self.kept, self._forms, strict=True):
            shares[:, k] = ((correlations @ form) * correlations).sum(axis=1)
        return shares.reshape(*profiles.shape[:-1], self.of)

    def _centred(self, rows: Floats) -> Floats:
        """Return values, or ranks, of the known regions with mean 0."""
        own = average_ranks(rows[:, self.known]) if self._spearman else rows[:, self.known]
        return np.asarray(own - own.mean(axis=1, keepdims=True))

    def _without_gm(self, rows: Floats) -> Floats:
        """Regress grey matter out, and scale rows to length 1."""
        if self._held is not None:
            held = self._held / np.linalg.norm(self._held)
            rows = rows - np.outer(rows @ held, held)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _forms(among: Floats) -> Floats:
    """Return the matrix of each map's dominance as a quadratic form, shape (m, m, m)."""
    m = len(among)
    forms: Floats = np.zeros((m, m * m))
    for size in range(1, m + 1):
        for members in _subsets(m, size):
            inverse = np.linalg.inv(among[members[:, :, None], members[:, None, :]])
            padded = np.zeros((len(members), m, m))
            rows = np.arange(len(members))[:, None, None]
            padded[rows, members[:, :, None], members[:, None, :]] = inverse
            flat = padded.reshape(len(members), -1)
            inside = np.zeros((len(members), m))
            np.put_along_axis(inside, members, 1.0, axis=1)
            own = inside.T @ flat
            forms += own / (m * comb(m - 1, size - 1))
            if size < m:
                forms -= (flat.sum(axis=0) - own) / (m * comb(m - 1, size))
    return forms.reshape(m, m, m)


def _subsets(m: int, size: int) -> Iterator[NDArray[np.intp]]:
    """Enumerate the subsets of one size, some thousand at once."""
    drawn = combinations(range(m), size)
    while rows := list(islice(drawn, AT_ONCE)):
        yield np.array(rows, dtype=np.intp)
