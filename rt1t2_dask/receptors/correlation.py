"""Partial correlation of many rows with many maps; missing regions are left out by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.ranks import average_ranks

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Kind = Literal["spearman", "pearson", "regression"]

MIN_REGIONS = 4
# Means of 10,000 equal voxels differ by about 1e-12 of their value.
_ROUNDING = 1e-10


def partial_correlation(
    rows: Floats, maps: Floats, covariate: Floats | None, kind: Kind = "spearman"
) -> Floats:
    """Correlate every row with every map, given a covariate.

    Parameters
    ----------
    rows : ndarray, shape (n, region)
        Any unit; a NaN region is left out for that row alone.
    maps : ndarray, shape (m, region)
        Any unit; a NaN region is left out for that map alone.
    covariate : ndarray, shape (region,) or (q, region), optional
        Held constant; None for a plain correlation.
    kind : {"spearman", "pearson", "regression"}
        ``regression``: Pearson, each map given all others too: its partial correlation in the
        multiple regression of the row on all maps.

    Returns
    -------
    ndarray, shape (n, m)
        In [-1, 1]; NaN where fewer than 4 regions remain or one side is constant. Such a map is not
        a covariate of the others.

    Notes
    -----
    Spearman: rows, map and covariate are ranked over the regions that remain (ties averaged), the
    ranks of row and map are residualised on [1, rank of the covariate], then correlated
    (JuSpace 1.5, ``partialcorr(..., 'type', 'Spearman')``).
    """
    if kind == "regression":
        return _regression(rows, maps, covariate)
    out = np.full((len(rows), len(maps)), np.nan)
    held = np.empty((0, rows.shape[1])) if covariate is None else np.atleast_2d(covariate)
    known = ~np.isnan(held).any(axis=0)
    chosen = np.flatnonzero(usable(maps))
    for members, map_kept in _patterns(~np.isnan(maps[chosen])):
        map_group = chosen[members]
        for row_group, row_kept in _patterns(~np.isnan(rows)):
            keep = map_kept & row_kept & known
            if keep.sum() >= MIN_REGIONS + max(len(held) - 1, 0):
                block = _complete(
                    rows[row_group][:, keep], maps[map_group][:, keep], held[:, keep], kind
                )
                out[np.ix_(row_group, map_group)] = block
    return out


def usable(maps: Floats) -> Bools:
    """Return which maps have at least 4 regions and are not constant, shape (m,)."""
    known = ~np.isnan(maps)
    largest = np.where(known, maps, -np.inf).max(axis=1, initial=-np.inf)
    smallest = np.where(known, maps, np.inf).min(axis=1, initial=np.inf)
    size = np.where(known, np.abs(maps), 0.0).max(axis=1, initial=0.0)
    return np.asarray((known.sum(axis=1) >= MIN_REGIONS) & (largest - smallest > _ROUNDING * size))


def fisher_z(rho: Floats) -> Floats:
    """Compute Fisher's z of a correlation, atanh(rho); infinite at -1 and 1."""
    with np.errstate(divide="ignore"):
        return np.arctanh(rho)


def mean_over_patients(values: Floats) -> Floats:
    """Average over patients (the axis before the last); NaN leaves a patient out of that map alone.

    Parameters
    ----------
    values : ndarray, shape (..., patient, m)

    Returns
    -------
    ndarray, shape (..., m)
        NaN where no patient has a value.
    """
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / known.sum(axis=-2))


def p_value(observed: Floats, null: Floats) -> Floats:
    """Compute the two-sided p = (#{|null| >= |observed|} + 1) / (n + 1).

    Parameters
    ----------
    observed : ndarray, shape (m,)
    null : ndarray, shape (n, m) or (n, 1)
        NaN is not counted.

    Returns
    -------
    ndarray, shape (m,)
        NaN without a statistic or without a null.
    """
    # Equal statistics must count as equal whatever order they were summed in.
    reached = np.abs(null) >= np.abs(observed) * (1 - 1e-10)
    n = (~np.isnan(null)).sum(axis=0)
    return np.where(np.isnan(observed) | (n == 0), np.nan, (reached.sum(axis=0) + 1) / (n + 1))


def p_largest(observed: Floats, null: Floats) -> Floats:
    """Compute the family-wise p of each map by the largest studentised statistic over maps.

    Parameters
    ----------
    observed : ndarray, shape (m,)
    null : ndarray, shape (n, m)

    Returns
    -------
    ndarray, shape (m,)
        NaN for maps without a statistic, which do not enter the maximum.

    Notes
    -----
    Each map's |statistic| is divided by its SD over all relabelings, the observed one included, so
    that a map with a wide null does not dominate (Westfall & Young 1993, Resampling-Based Multiple
    Testing).
    """
    every = np.vstack([observed, null])
    kept = np.isfinite(observed) & ~np.isnan(null).all(axis=0)
    spread = np.zeros(len(observed))
    with np.errstate(invalid="ignore"):
        spread[kept] = np.nanstd(every[:, kept], axis=0, ddof=1)
    kept &= spread > 0
    size = np.nan_to_num(np.abs(every[:, kept]) / spread[kept])
    out = np.full(len(observed), np.nan)
    out[kept] = p_value(size[0], size[1:].max(axis=1, keepdims=True, initial=0.0))
    return out


def _patterns(present: Bools) -> Iterator[tuple[NDArray[np.intp], Bools]]:
    """Group rows that miss the same regions."""
    if present.all():
        yield np.arange(len(present)), np.ones(present.shape[1], dtype=bool)
        return
    packed = np.packbits(present, axis=1)
    keys = packed.view(f"V{packed.shape[1]}").ravel()
    _, member = np.unique(keys, return_inverse=True)
    order = np.argsort(member, kind="stable")
    for group in np.split(order, np.cumsum(np.bincount(member))[:-1]):
        yield group, present[group[0]]


def beside(maps: Floats, j: int, covariate: Floats | None) -> Floats:
    """Return the covariates of map j in a multiple regression: the other maps and the covariate."""
    others = maps[usable(maps) & (np.arange(len(maps)) != j)]
    return others if covariate is None else np.vstack([others, covariate])


def _regression(rows: Floats, maps: Floats, covariate: Floats | None) -> Floats:
    columns = [
        partial_correlation(rows, maps[j : j + 1], beside(maps, j, covariate), "pearson")
        for j in range(len(maps))
    ]
    return np.hstack(columns)


def _complete(rows: Floats, maps: Floats, covariates: Floats, kind: Kind) -> Floats:
    scale: Callable[[Floats], Floats] = average_ranks if kind == "spearman" else np.asarray
    held = orthonormal(scale(covariates))
    return np.clip(_unit(scale(rows), held) @ _unit(scale(maps), held).T, -1.0, 1.0)


def orthonormal(rows: Floats) -> Floats:
    """Return an orthonormal basis of centred rows; constant or dependent rows add nothing."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    varied = length[:, 0] > 1e-12 * np.linalg.norm(rows, axis=1)
    _, size, basis = np.linalg.svd(centred[varied] / length[varied], full_matrices=False)
    return np.asarray(basis[size > 1e-10])


def _unit(rows: Floats, held: Floats) -> Floats:
    """Centre, regress out ``held``, scale to length 1; NaN where only rounding is left."""
    residual = rows - rows.mean(axis=1, keepdims=True)
    if len(held):
        residual = residual - (residual @ held.T) @ held
    length = np.linalg.norm(residual, axis=1, keepdims=True)
    noise = 1e-12 * np.linalg.norm(rows, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(length > noise, residual / length, np.nan))
