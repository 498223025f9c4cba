"""Surrogates of a regional map with its spatial autocorrelation, and the p they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.receptors.correlation import (
    Kind,
    fisher_z,
    mean_over_patients,
    p_value,
    partial_correlation,
)
from rt1t2_dask.receptors.space import Family, Space
from rt1t2_dask.receptors.variogram import variogram_surrogates

Floats = NDArray[np.float64]
Method = Literal["moran", "variogram"]

#: Surrogates a batch; part of the definition of every draw.
BATCH = 250


@dataclass(frozen=True)
class SpatialNull:
    """What remains of a correlation when the receptor map is replaced by its surrogates.

    Parameters
    ----------
    p, p_fwe : ndarray, shape (m,)
        Two-sided; against the same map's surrogates, and against the largest over all maps.
    null : ndarray, shape (surrogate, m)
        Mean Fisher z with each surrogate.
    """

    p: Floats
    p_fwe: Floats
    null: Floats


def surrogates(
    values: Floats, space: Space, n: int, *, seed: int, method: Method = "moran"
) -> Floats:
    """Draw maps that look like a given one in space.

    Parameters
    ----------
    values : ndarray, shape (region,)
        A map without missing regions.
    space : Space
    n : int
        Surrogates wanted.
    seed : int
        Batch k draws from ``SeedSequence(seed, spawn_key=(k,))``; maps drawn with one seed share
        their signs or permutations, so that maxima over maps keep the maps' correlation.
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
    ``moran``: Moran spectral randomisation, singleton procedure (Wagner & Dray 2015, Methods Ecol
    Evol 6:1169): the map's correlations with the eigenvectors of the doubly centred
    inverse-distance matrix keep their size and get random signs. Structures are standardised
    first and their means kept out of the eigenvectors, so that a null neither mixes tissues nor
    forgets that neighbouring tissues are alike.
    ``variogram``: permuted, smoothed and scaled until the variogram fits (Burt et al. 2020,
    NeuroImage 220:117038).
    """
    if np.isnan(values).any():
        raise UserError("Spatial nulls need a map without missing regions.")
    parts = space.split @ values
    batches = [_batch(parts, space, method, k, seed) for k in range(-(-n // BATCH))]
    return np.concatenate(batches)[:n] @ space.join.T


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
        Maps with a missing region give NaN.
    gm : ndarray, shape (region,), optional
    space, n, seed, method
        As in `surrogates`.
    kind : {"spearman", "pearson"}

    Notes
    -----
    Fisher's z is averaged over patients on both sides of the comparison. (JuSpace 1.5 compares the
    observed Fisher z with raw null correlations, which makes its p too small.)
    """
    observed = _mean_fisher_z(rows, maps, gm, kind)
    null = np.full((n, len(maps)), np.nan)
    for j in np.flatnonzero(~np.isnan(maps).any(axis=1)):
        fakes = surrogates(maps[j], space, n, seed=seed, method=method)
        null[:, j] = _mean_fisher_z(rows, fakes, gm, kind)
    largest = np.nanmax(np.abs(null), axis=1, keepdims=True, initial=0.0)
    return SpatialNull(p_value(observed, null), p_value(observed, largest), null)


def moran_basis(family: Family) -> Floats:
    """Spatial eigenvectors of a family, shape (k, k - structures), smooth ones last.

    Notes
    -----
    Of the inverse-distance matrix after the structures' means are projected out.
    """
    xyz = family.xyz
    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=-1)
    weight = np.divide(1.0, distance, out=np.zeros_like(distance), where=distance > 0)
    means = np.linalg.qr(family.indicator)[0]
    rest = np.eye(len(xyz)) - means @ means.T
    # Means are pushed to the far end, so that the others stay orthogonal to them.
    pushed = rest @ weight @ rest + 10.0 * weight.sum() * means @ means.T
    return np.asarray(np.linalg.eigh(pushed)[1][:, : len(xyz) - means.shape[1]])


def _batch(parts: Floats, space: Space, method: Method, k: int, seed: int) -> Floats:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
    draw = _moran_surrogates if method == "moran" else variogram_surrogates
    out = np.empty((BATCH, len(parts)))
    for family in space.families:
        own = parts[None, family.index]
        mean, spread = family.moments(own)
        drawn = draw(family.standard(own)[0], family, BATCH, rng)
        out[:, family.index] = mean + spread * family.standard(drawn)
    return out


def _moran_surrogates(values: Floats, family: Family, n: int, rng: np.random.Generator) -> Floats:
    basis = moran_basis(family)
    loading = basis.T @ values
    signs = rng.integers(0, 2, size=(n, len(loading))) * 2.0 - 1.0
    return np.asarray((signs * loading) @ basis.T)


def _mean_fisher_z(rows: Floats, maps: Floats, gm: Floats | None, kind: Kind) -> Floats:
    return mean_over_patients(fisher_z(partial_correlation(rows, maps, gm, kind)))
