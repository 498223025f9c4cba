"""Dominance analysis of receptors."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.correlation import Kind, usable
from rt1t2_dask.receptors.ranks import average_ranks

Floats = NDArray[np.float64]

MAX_MAPS = 20


def total_dominance(
    profile: Floats, maps: Floats, gm: Floats | None = None, kind: Kind = "spearman"
) -> Floats:
    """Partition the explained variance of a multiple regression among the maps.

    Parameters
    ----------
    profile : ndarray, shape (region,)
    maps : ndarray, shape (m, region)
        At most 20; regions missing anywhere are left out. A constant map, or one with fewer than
        4 regions, is left out of the regression.
    gm : ndarray, shape (region,), optional
        Regressed out of profile and maps first.
    kind : {"spearman", "pearson"}
        ``spearman`` regresses ranks on ranks.

    Returns
    -------
    ndarray, shape (m,)
        The sum is R^2 of the full regression; NaN for maps left out of it.

    Raises
    ------
    UserError
        More than 20 maps, or not more regions than maps.

    Notes
    -----
    Total dominance (Budescu 1993, Psychol Bull 114:542): a map's gain in R^2, averaged over all
    subsets of the others of each size, then over the sizes.
    """
    kept = np.flatnonzero(usable(maps))
    shares: Floats = np.full(len(maps), np.nan)
    explained = _all_subsets(_correlations(profile, maps[kept], gm, kind))
    m = len(kept)
    subsets = np.arange(2**m)
    sizes = np.array([int(s).bit_count() for s in subsets])
    for k in range(m):
        without = subsets[(subsets >> k) & 1 == 0]
        gain = explained[without | (1 << k)] - explained[without]
        size = sizes[without]
        shares[kept[k]] = (np.bincount(size, gain) / np.bincount(size)).mean()
    return shares


def _correlations(profile: Floats, maps: Floats, gm: Floats | None, kind: Kind) -> Floats:
    """Correlate profile and maps among themselves, the profile first, shape (m + 1, m + 1)."""
    rows = np.vstack([profile, maps] if gm is None else [profile, maps, gm])
    rows = rows[:, ~np.isnan(rows).any(axis=0)]
    m = len(maps)
    if m > MAX_MAPS or rows.shape[1] <= m + 2:
        raise UserError(
            f"Dominance analysis of {m} maps over {rows.shape[1]} regions: at most {MAX_MAPS} "
            "maps, and more regions than maps. Choose fewer receptors.maps."
        )
    scaled = average_ranks(rows) if kind == "spearman" else rows
    scaled = scaled - scaled.mean(axis=1, keepdims=True)
    if gm is not None:
        held = scaled[-1] / np.linalg.norm(scaled[-1])
        scaled = scaled[:-1] - np.outer(scaled[:-1] @ held, held)
    return np.asarray(np.corrcoef(scaled), dtype=np.float64)


def _all_subsets(correlation: Floats) -> Floats:
    """Compute R^2 of the profile on every subset of maps, indexed by the subset's bits."""
    m = len(correlation) - 1
    explained = np.zeros(2**m)
    for size in range(1, m + 1):
        members = np.array(list(combinations(range(m), size)))
        among = correlation[1 + members[:, :, None], 1 + members[:, None, :]]
        with_profile = correlation[0, 1 + members]
        weights = np.linalg.solve(among, with_profile[..., None])[..., 0]
        explained[(1 << members).sum(axis=1)] = (weights * with_profile).sum(axis=1)
    return explained
