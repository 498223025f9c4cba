"""Partial least squares of regional maps on expression, through the region x region Gram matrix.

With n regions and thousands of genes every quantity of SIMPLS (de Jong 1993) is a combination of
regions: weights are X'a with a of length n, so that a spin costs n x n numbers, whatever the number
of genes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Index = NDArray[np.intp]
CHUNK = 64


@dataclass(frozen=True)
class Components:
    """Components of one model, or of a batch of models in the leading axes.

    Parameters
    ----------
    coefficients : ndarray, shape (..., region, component)
        Gene weights are ``X.T @ coefficients`` with X centred over regions (MATLAB's
        ``stats.W`` of ``plsregress``).
    scores : ndarray, shape (..., region, component)
        Of unit norm; positively related to the map (several maps: positive sum of loadings).
    explained : ndarray, shape (..., component)
        Share of the maps' variance, 0 to 1.
    """

    coefficients: Float
    scores: Float
    explained: Float


def zscore(values: Float) -> Float:
    """Standardise over regions (first axis) with ddof 1; a constant column becomes 0."""
    centred = values - values.mean(axis=0)
    sd = centred.std(axis=0, ddof=1)
    constant = sd <= 1e-12 * np.abs(values).max(axis=0, initial=0.0)
    return np.asarray(np.where(constant, 0.0, centred / np.where(constant, 1.0, sd)))


def gram_matrix(expression: Float) -> Float:
    """Compute the inner products of regions over genes centred over regions."""
    centred = expression - expression.mean(axis=0)
    return np.asarray(centred @ centred.T)


def simpls(gram: Float, maps: Float, n_components: int = 2) -> Components:
    """Fit SIMPLS with the Gram matrix of the predictors.

    Parameters
    ----------
    gram : ndarray, shape (..., region, region)
        From `gram_matrix`; one for all models or one a model.
    maps : ndarray, shape (..., region, map)
        One map or several, any unit; centred here. No NaN.
    n_components : int
        At most regions - 1.

    Returns
    -------
    Components

    Notes
    -----
    de Jong 1993, Chemometr Intell Lab Syst 18:251, as in MATLAB's ``plsregress``; with several
    maps each component starts from the leading direction of X'Y.
    """
    left = maps - maps.mean(axis=-2, keepdims=True)
    total = np.sum(left**2, axis=(-2, -1))
    whole, basis = left, np.zeros((*maps.shape[:-1], 0))
    kept: list[tuple[Float, Float, Float]] = []
    for _ in range(n_components):
        coefficient, score = _component(gram, left)
        loading = np.swapaxes(whole, -1, -2) @ score
        sign = np.where(loading.sum(axis=-2, keepdims=True) < 0, -1.0, 1.0)
        coefficient, score = coefficient * sign, score * sign
        explained = np.sum(loading**2, axis=(-2, -1)) / np.where(total > 0, total, 1.0)
        kept.append((coefficient, score, explained[..., None]))
        basis = np.concatenate([basis, _new_basis(gram, basis, score)], axis=-1)
        for _ in range(2):
            left = left - basis @ (np.swapaxes(basis, -1, -2) @ (gram @ left))
    return Components(*(np.concatenate(rows, axis=-1) for rows in zip(*kept, strict=True)))


def _component(gram: Float, left: Float) -> tuple[Float, Float]:
    """Return coefficients and unit score of the leading direction of the deflated X'Y."""
    if left.shape[-1] == 1:
        direction = left
    else:
        products = np.swapaxes(left, -1, -2) @ (gram @ left)
        direction = left @ np.linalg.eigh(products)[1][..., -1:]
    score = gram @ direction
    norm = np.linalg.norm(score, axis=-2, keepdims=True)
    norm = np.where(norm > 0, norm, 1.0)
    unit = np.sqrt(np.maximum(np.swapaxes(direction, -1, -2) @ score, np.finfo(float).tiny))
    return direction / unit / (norm / unit), score / norm


def _new_basis(gram: Float, basis: Float, score: Float) -> Float:
    """Make the new loading X't orthonormal to the earlier ones, as a combination of regions."""
    vector = score
    for _ in range(2):
        vector = vector - basis @ (np.swapaxes(basis, -1, -2) @ (gram @ vector))
    square = np.swapaxes(vector, -1, -2) @ (gram @ vector)
    return np.asarray(vector / np.sqrt(np.maximum(square, np.finfo(float).tiny)))


def gene_weights(expression: Float, coefficients: Float) -> Float:
    """Return the weight of every gene, shape (gene, component).

    Parameters
    ----------
    expression : ndarray, shape (region, gene)
    coefficients : ndarray, shape (region, component)
    """
    return np.asarray(expression.T @ (coefficients - coefficients.mean(axis=0)))


def spin_p(observed: Float, null: Float) -> Float:
    """Return (#{null >= observed} + 1) / (n + 1) along the first axis of ``null``; never 0."""
    return np.asarray((np.sum(null >= observed - 1e-12, axis=0) + 1) / (len(null) + 1))


def explained_null(gram: Float, maps: Float, spins: Index, n_components: int = 2) -> Float:
    """Return the explained variance of every spun map, shape (spin, component).

    Parameters
    ----------
    gram, maps, n_components
        As in `simpls`; maps of shape (region, map), spun together.
    spins : ndarray of int, shape (spin, region)
        Null map b is ``maps[spins[b]]``.
    """
    return simpls(gram, maps[spins], n_components).explained


@dataclass(frozen=True)
class Bootstrap:
    """Spread of gene weights over resampled regions.

    Parameters
    ----------
    deviation : ndarray, shape (gene, component)
        Standard deviation (ddof 1) of sign-aligned weights.
    z : ndarray, shape (gene, component)
        Weight over deviation.
    """

    deviation: Float
    z: Float


def bootstrap(expression: Float, maps: Float, resamples: Index, n_components: int = 2) -> Bootstrap:
    """Resample regions and refit (Whitaker & Vertes et al. 2016, Morgan et al. 2019).

    Parameters
    ----------
    expression : ndarray, shape (region, gene)
        Standardised; it is centred again in each resample, not scaled.
    maps : ndarray, shape (region, map)
    resamples : ndarray of int, shape (resample, region)
        Regions drawn with replacement; at least two resamples.
    n_components : int

    Notes
    -----
    The regions are resampled, never the spatial null: dividing by the spread over null maps, as
    one published package does, makes a Z that is nearly the weight itself. The sign of each
    resample's component follows its correlation with the original weights over genes.
    """
    gram = gram_matrix(expression)
    weights = gene_weights(expression, simpls(gram, maps, n_components).coefficients)
    centred = weights - weights.mean(axis=0)
    total, square = np.zeros_like(weights), np.zeros_like(weights)
    for start in range(0, len(resamples), CHUNK):
        scattered = _scattered(gram, maps, resamples[start : start + CHUNK], n_components)
        for k in range(n_components):
            drawn = scattered[..., k] @ expression
            aligned = np.sign(drawn @ centred[:, k])[:, None] * drawn - weights[:, k]
            total[:, k] += aligned.sum(axis=0)
            square[:, k] += np.einsum("bg,bg->g", aligned, aligned)
    n = len(resamples)
    deviation = np.sqrt(np.maximum(square - total**2 / n, 0.0) / (n - 1))
    z = np.divide(weights, deviation, out=np.zeros_like(weights), where=deviation > 0)
    return Bootstrap(deviation, z)


def _scattered(gram: Float, maps: Float, resamples: Index, n_components: int) -> Float:
    """Fit each resample; return its coefficients on the original regions, (resample, region, k)."""
    n = gram.shape[0]
    drawn = gram[resamples[:, :, None], resamples[:, None, :]]
    drawn = drawn - drawn.mean(axis=1, keepdims=True)
    drawn = drawn - drawn.mean(axis=2, keepdims=True)
    own = simpls(drawn, maps[resamples], n_components).coefficients
    own = own - own.mean(axis=1, keepdims=True)
    out = np.zeros((len(resamples), n, n_components))
    np.add.at(out, (np.arange(len(resamples))[:, None], resamples), own)
    return out


def resampled_regions(n_regions: int, n: int, seed: int) -> Index:
    """Draw regions with replacement, shape (n, n_regions)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    return rng.integers(0, n_regions, size=(n, n_regions))
