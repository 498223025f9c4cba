"""Surrogate maps with preserved spatial autocorrelation, and spatial p values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.correlation import (
    Kind,
    beside,
    fisher_z,
    mean_over_patients,
    p_largest,
    p_value,
    partial_correlation,
    usable,
)
from rt1t2_dask.receptors.spatial.field import Field, Scale, fit, free_part, standardise
from rt1t2_dask.receptors.spatial.space import Space
from rt1t2_dask.receptors.spatial.variogram import Fit, compare

Floats = NDArray[np.float64]
Method = Literal["moran", "variogram"]

#: Surrogates per batch; part of the definition of every draw.
BATCH = 250

_COMPARED = 500


@dataclass(frozen=True)
class SpatialNull:
    """Null distribution of the correlation with surrogates of the receptor map.

    Parameters
    ----------
    p, p_fwe : ndarray, shape (m,)
        Two-sided; against the same map's surrogates, and against the largest studentised
        statistic over all maps.
    p_each : ndarray, shape (patient, m)
        Of each patient alone.
    null : ndarray, shape (surrogate, m)
        Mean Fisher z with each surrogate.
    variograms : tuple of Fit or None, length m
        Of the map and its first 500 surrogates; None for maps with a missing region.
    """

    p: Floats
    p_fwe: Floats
    p_each: Floats
    null: Floats
    variograms: tuple[Fit | None, ...]


def surrogates(
    values: Floats, space: Space, n: int, *, seed: int, method: Method = "moran"
) -> Floats:
    """Draw surrogates with the spatial autocorrelation of a map.

    Parameters
    ----------
    values : ndarray, shape (region,)
        A map without missing regions.
    space : Space
    n : int
        Number of surrogates.
    seed : int
        Batch k draws from ``SeedSequence(seed, spawn_key=(k,))``; the same for
        every map.
    method : {"moran", "variogram"}

    Returns
    -------
    ndarray, shape (n, region)
        Each structure (cortex, subcortex, cerebellum) has the map's own mean and spread.

    Raises
    ------
    UserError
        A region is missing.

    Notes
    -----
    The map is taken as a smooth random field whose covariance is fitted to it
    (`rt1t2_dask.receptors.spatial.field`). The structures' means and the field's expectation given
    them stay; the rest is drawn anew in the field's spatial eigenvectors. ``moran``: the map's
    loadings keep their size and get random signs (Moran spectral randomisation, singleton
    procedure, Wagner & Dray 2015, Methods Ecol Evol 6:1169, with the fitted covariance as spatial
    weights). ``variogram``: loadings are drawn from the fitted variogram, instead of permuting and
    smoothing until it fits (Burt et al. 2020, NeuroImage 220:117038).
    """
    if np.isnan(values).any():
        raise UserError("Spatial nulls need a map without missing regions.")
    scale = standardise(values, space)
    field = fit(scale.values[None], space)[0]
    return drawn(scale, field, space, n, seed=seed, method=method)


def drawn(scale: Scale, field: Field, space: Space, n: int, *, seed: int, method: Method) -> Floats:
    """Draw surrogates of a map whose field is known, shape (n, region)."""
    whole = list(_batches(scale, field, space, n, seed, method))
    return np.concatenate(whole)[:n] if whole else np.empty((0, len(scale.values)))


def _batches(
    scale: Scale, field: Field, space: Space, n: int, seed: int, method: Method
) -> Iterator[Floats]:
    """Draw at least n surrogates in whole batches: the bits of matrix products depend on shape."""
    free = free_part(scale.values, field, space)
    loading = free.basis.T @ (scale.values - free.expected)
    for k in range(-(-n // BATCH)):
        draws = _loadings(loading, free.variance, method, k, seed)
        fakes = _one_spread(free.expected + draws @ free.basis.T, space)
        yield scale.mean + scale.spread * fakes


def _one_spread(rows: Floats, space: Space) -> Floats:
    """Scale every structure of each row to mean 0 and SD 1."""
    deviation = rows - rows @ space.averaging.T @ space.indicator.T
    spread = np.sqrt(np.square(deviation) @ space.averaging.T) @ space.indicator.T
    return np.divide(deviation, spread, out=np.zeros_like(rows), where=spread > 1e-10)


def spatial_null(
    rows: Floats,
    maps: Floats,
    gm: Floats | None,
    space: Space,
    *,
    n: int = 10_000,
    seed: int = 0,
    method: Method = "moran",
    kind: Kind = "spearman",
) -> SpatialNull:
    """Test each map against its own surrogates.

    Parameters
    ----------
    rows : ndarray, shape (patient, region)
        z-scores of the patients (or any maps); a NaN region is left out for that row.
    maps : ndarray, shape (m, region)
        Maps with a missing region, or without variance, give NaN.
    gm : ndarray, shape (region,), optional
    space, n, seed, method
        As in `surrogates`.
    kind : {"spearman", "pearson", "regression"}
        As in `rt1t2_dask.receptors.correlation.partial_correlation`.

    Notes
    -----
    Fisher's z is averaged over patients for the observed and the null statistic. (JuSpace 1.5
    compares the observed Fisher z with raw null correlations, which makes its p too small.)
    """
    observed = fisher_z(partial_correlation(rows, maps, gm, kind))
    null, p_each = np.full((n, len(maps)), np.nan), np.full((len(rows), len(maps)), np.nan)
    whole = np.flatnonzero(usable(maps) & ~np.isnan(maps).any(axis=1))
    scales = [standardise(maps[j], space) for j in whole]
    fields = fit(np.array([scale.values for scale in scales]).reshape(-1, maps.shape[1]), space)
    fits: list[Fit | None] = [None] * len(maps)
    for j, scale, field in zip(whole, scales, fields, strict=True):
        first: list[Floats] = []
        found: list[Floats] = []
        for fakes in _batches(scale, field, space, n, seed, method):
            found.append(_fisher_z_of_fakes(rows, fakes, maps, int(j), gm, kind))
            first += [fakes] if len(first) * BATCH < _COMPARED else []
        each = np.concatenate(found)[:n]
        null[:, j] = mean_over_patients(each[..., None])[:, 0]
        p_each[:, j] = p_value(observed[:, j], each)
        fits[j] = compare(maps[j], np.concatenate(first)[: min(n, _COMPARED)], space.xyz)
    mean = mean_over_patients(observed)
    return SpatialNull(p_value(mean, null), p_largest(mean, null), p_each, null, tuple(fits))


def _fisher_z_of_fakes(
    rows: Floats, fakes: Floats, maps: Floats, j: int, gm: Floats | None, kind: Kind
) -> Floats:
    """Compute the Fisher z of each patient with each surrogate of map j."""
    if kind == "regression":
        gm, kind = beside(maps, j, gm), "pearson"
    return fisher_z(partial_correlation(rows, fakes, gm, kind)).T


def _loadings(loading: Floats, variance: Floats, method: Method, k: int, seed: int) -> Floats:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
    shape = (BATCH, len(loading))
    if method == "moran":
        return np.asarray((rng.integers(0, 2, size=shape) * 2 - 1) * loading)
    level = np.sqrt(np.square(loading).sum() / variance.sum())
    return np.asarray(rng.standard_normal(shape) * np.sqrt(variance) * level)
