"""Morphometric similarity networks (Seidlitz et al. 2018, Neuron 97:231)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def networks(values: Float) -> Float:
    """Correlate the feature profiles of every pair of regions, person by person.

    Parameters
    ----------
    values : ndarray, shape (person, region, feature)
        Three features or more. A region missing any is left out for that person.

    Returns
    -------
    ndarray, shape (person, region, region)
        Pearson's r of z over regions (ddof 1, within feature and person); the diagonal is 0,
        rows and columns of regions left out are NaN.
    """
    whole = np.asarray(np.isfinite(values).all(axis=2, keepdims=True))
    count = whole.sum(axis=1, keepdims=True)
    filled = np.where(whole, values, 0.0)
    centred = np.where(
        whole, filled - filled.sum(axis=1, keepdims=True) / np.maximum(count, 1), 0.0
    )
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / np.maximum(count - 1, 1))
    z = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    profile = z - z.mean(axis=2, keepdims=True)
    norm = np.linalg.norm(profile, axis=2, keepdims=True)
    unit = np.divide(profile, norm, out=np.zeros_like(profile), where=norm > 0)
    found = np.clip(unit @ unit.swapaxes(1, 2), -1.0, 1.0)
    diagonal = np.arange(values.shape[1])
    found[:, diagonal, diagonal] = 0.0
    both = np.logical_and(whole, np.swapaxes(whole, 1, 2))
    return np.asarray(np.where(both, found, np.nan))


def regional(similarity: Float) -> Float:
    """Average each region's similarity with all others: row sum over n - 1.

    Parameters
    ----------
    similarity : ndarray, shape (person, region, region)
        From `networks`.

    Returns
    -------
    ndarray, shape (person, region)
        NaN for a region left out; n counts the regions that were measured.
    """
    known = np.isfinite(similarity)
    count = known.sum(axis=2)
    total = np.where(known, similarity, 0.0).sum(axis=2)
    return np.asarray(
        np.divide(total, count - 1, out=np.full(total.shape, np.nan), where=count > 1)
    )


def global_mean(regional_similarity: Float) -> Float:
    """Average regional similarity over a person's regions, shape (person,)."""
    known = np.isfinite(regional_similarity)
    count = known.sum(axis=1)
    total = np.where(known, regional_similarity, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))
