"""Where regions lie, and what a spatial null must keep.

A null map must look like the real one: smooth in space, nearly the same left and right, and high
where it is high between tissues. So a map is split into the mean of homologous regions and half
their difference, each on one folded hemisphere, and every structure (cortex, subcortex,
cerebellum) keeps its own mean and spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Family:
    """Parts of a map that a null may mix with one another.

    Parameters
    ----------
    index : ndarray of int, shape (k,)
        Their places among the map's parts.
    xyz : ndarray, shape (k, 3)
        Their places in mm.
    structure : ndarray of int, shape (k,)
        Number of the structure each belongs to, from 0.
    """

    index: Integers
    xyz: Floats
    structure: Integers

    @property
    def indicator(self) -> Floats:
        """Which part lies in which structure, 0 or 1, shape (k, structure)."""
        return np.asarray(self.structure[:, None] == np.unique(self.structure), dtype=np.float64)

    def moments(self, values: Floats) -> tuple[Floats, Floats]:
        """Mean and SD of each part's structure, shape (n, k), of maps (n, k)."""
        member = self.indicator
        size = member.sum(axis=0)
        mean = (values @ member / size) @ member.T
        variance = (np.square(values - mean) @ member / size) @ member.T
        return mean, np.sqrt(variance)

    def standard(self, values: Floats) -> Floats:
        """Scale each structure to mean 0 and SD 1; a constant structure becomes 0."""
        mean, spread = self.moments(values)
        flat = spread <= 1e-10 * np.abs(values).max(initial=0.0)
        return np.where(flat, 0.0, (values - mean) / np.where(flat, 1.0, spread))


@dataclass(frozen=True)
class Space:
    """How maps are taken apart and put together.

    Parameters
    ----------
    split : ndarray, shape (region, region)
        parts = split @ map.
    join : ndarray, shape (region, region)
        map = join @ parts.
    families : tuple of Family
        Every part lies in one family.
    """

    split: Floats
    join: Floats
    families: tuple[Family, ...]


def folded(regions: pd.DataFrame) -> Space:
    """Build the space of an atlas with homologous regions.

    Parameters
    ----------
    regions : DataFrame, a row a region
        name (homologues differ by ``Left`` and ``Right`` alone), hemisphere, structure, x_mm,
        y_mm, z_mm: rows of `rt1t2_dask.atlas.regions`.

    Notes
    -----
    Folding means that a surrogate is as symmetric as the map: two hemispheres randomised apart
    would be taken for twice the evidence.
    """
    pairs, single = _homologues(regions)
    halves = np.array([*pairs, *((i, i) for i in single)], dtype=np.intp).reshape(-1, 2)
    n, k = len(regions), len(pairs)
    split = np.zeros((n, n))
    for row, (i, j) in enumerate(halves):
        split[row, [i, j]] += 0.5
        split[row, i] += 0.5 * (i == j)
    for row, (i, j) in enumerate(pairs):
        split[len(halves) + row, [i, j]] = 0.5, -0.5
    join = np.asarray(np.linalg.inv(split), dtype=np.float64)
    places, structure = _folded_places(regions, halves), _codes(regions["structure"])[halves[:, 0]]
    means = Family(np.arange(len(halves)), places, structure)
    differences = Family(np.arange(len(halves), n), places[:k], structure[:k])
    return Space(split, join, (means, differences) if k else (means,))


def plain(xyz: Floats, structures: Sequence[str] | None = None) -> Space:
    """Build the space of any regions, without homologues.

    Parameters
    ----------
    xyz : ndarray, shape (region, 3)
        Places in mm.
    structures : sequence of str, optional
        Structure of each region, whose mean and spread a null keeps; none: one structure.
    """
    n = len(xyz)
    codes = _codes(pd.Series(["all"] * n if structures is None else list(structures)))
    return Space(np.eye(n), np.eye(n), (Family(np.arange(n), np.asarray(xyz, float), codes),))


def _folded_places(regions: pd.DataFrame, halves: Integers) -> Floats:
    xyz = regions[["x_mm", "y_mm", "z_mm"]].to_numpy(dtype=np.float64, copy=True)
    xyz[:, 0] = np.where(regions["hemisphere"] == "midline", xyz[:, 0], np.abs(xyz[:, 0]))
    return np.asarray(xyz[halves].mean(axis=1))


def _codes(structures: pd.Series) -> Integers:
    return np.unique(structures.to_numpy(dtype=str), return_inverse=True)[1].astype(np.intp)


def _homologues(regions: pd.DataFrame) -> tuple[list[tuple[int, int]], list[int]]:
    """Find left-right pairs by name, and regions without a partner."""
    names = regions["name"].str.replace(r"^(Left|Right) ", "", regex=True)
    pairs, single = [], []
    for _, places in pd.Series(range(len(regions))).groupby(names.to_numpy(), sort=False):
        members = places.tolist()
        sides = regions["hemisphere"].iloc[members].tolist()
        if sorted(sides) == ["left", "right"]:
            left = sides.index("left")
            pairs.append((members[left], members[1 - left]))
        else:
            single.extend(members)
    return pairs, single
