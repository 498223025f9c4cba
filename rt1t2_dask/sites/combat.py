"""ComBat: location and scale of each site by empirical Bayes, from sums alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.glm.sufficient import (
    BLANK,
    CONSTANT,
    TILE,
    Sums,
    accumulate,
    residual_squares,
    solve,
    transformed,
    varies,
)

Float = NDArray[np.float64]
MIN_SITE = 5
CONVERGED = 1e-4
MOST_ROUNDS = 1000
BLOCK = 8192


@dataclass(frozen=True)
class Standardised:
    """Each voxel's model and each site's residual mean and variance in it.

    Parameters
    ----------
    mean : ndarray, shape (voxel,)
        Mean at covariates 0: over sites weighted by people, or that of the reference site.
    slopes : ndarray, shape (covariate, voxel)
    deviation : ndarray, shape (voxel,)
        Residual standard deviation (divisor n), of all or of the reference site.
    gamma, delta : ndarray, shape (site, voxel)
        Mean, and variance with divisor n - 1, of the site's standardised residuals.
    people : ndarray of int, shape (site, voxel)
    """

    mean: Float
    slopes: Float
    deviation: Float
    gamma: Float
    delta: Float
    people: NDArray[np.int64]


@dataclass(frozen=True)
class Harmoniser:
    """Site effects to remove from a map; arrays as in `Standardised`.

    Parameters
    ----------
    gamma, delta : ndarray, shape (site, voxel)
        Empirical Bayes estimates; 0 and 1 of the reference site.
    """

    mean: Float
    slopes: Float
    deviation: Float
    gamma: Float
    delta: Float

    def at(self, voxels: NDArray[np.intp]) -> Harmoniser:
        """Select voxels."""
        return Harmoniser(**{name: array[..., voxels] for name, array in vars(self).items()})

    def apply(self, values: Float, site: int, covariates: Float) -> Float:
        """Harmonise one site's people.

        Parameters
        ----------
        values : ndarray, shape (person, voxel)
        site : int
            Row of ``gamma``.
        covariates : ndarray, shape (person, covariate)

        Returns
        -------
        ndarray, shape (person, voxel)
            NaN where not measured or where the site could not be estimated.
        """
        expected = self.mean + covariates @ self.slopes
        shift = self.deviation * self.gamma[site]
        return np.asarray((values - expected - shift) / np.sqrt(self.delta[site]) + expected)

    def of_sums(self, sums: Sums, site: int) -> Sums:
        """Return the sums of one site's people after `apply`, from those before."""
        factor = 1.0 / np.sqrt(self.delta[site])
        expected = np.vstack([self.mean, self.slopes])
        shift = expected * (1.0 - factor)
        shift[0] -= factor * self.deviation * self.gamma[site]
        return transformed(sums, factor, shift)


def require_people(counts: Mapping[str, int]) -> None:
    """Refuse sites that are too small to harmonise.

    Raises
    ------
    UserError
        Fewer than two sites, or fewer than five people at one.
    """
    if len(counts) < 2:
        raise UserError(f"ComBat needs two sites or more, not {', '.join(counts) or 'none'}.")
    for site, n in counts.items():
        if n < MIN_SITE:
            raise UserError(
                f"site {site} has {n} people; ComBat estimates a variance at each site and needs "
                f"{MIN_SITE} or more. Leave the site out, or choose site.model=covariate."
            )


def standardise(sites: Sequence[Sums], reference: int | None = None) -> Standardised:
    """Estimate the model and each site's residual moments; blocks of voxels are independent.

    Parameters
    ----------
    sites : sequence of Sums
        Of the design [1, covariates].
    reference : int, optional
        Reference site, left unchanged.

    Raises
    ------
    UserError
        A covariate is a combination of the others and the sites.

    Notes
    -----
    Johnson et al. 2007 (Biostatistics 8:118), Fortin et al. 2018 (NeuroImage 167:104). Voxels with
    missing data use the people present; a site with fewer than two, or whose people all have one
    value (to float32's precision), gives NaN.
    """
    k, covariates = len(sites), sites[0].columns - 1
    full = [site.through(_with_site(i, k, covariates)) for i, site in enumerate(sites)]
    everybody = np.sum([site.everybody for site in full], axis=0)
    try:
        fit = solve(full, everybody)
    except np.linalg.LinAlgError:
        raise UserError(
            "ComBat: a covariate is a combination of the others and the sites (such as a group "
            "at only one site); use fewer covariates or leave that site out."
        ) from None
    b = fit.coefficients
    people = np.stack([site.people for site in sites])
    slopes = b[k:]
    with np.errstate(divide="ignore", invalid="ignore"):
        if reference is None:
            mean = np.einsum("sv,sv->v", people / fit.people, b[:k])
            variance = fit.residual / fit.people
        else:
            mean = b[reference]
            variance = residual_squares(full[reference], b) / people[reference]
        level = fit.total / fit.people
        deviation = np.sqrt(np.where(variance > CONSTANT * level, variance, np.nan))
        deviation[fit.rank < everybody.shape[0]] = np.nan
        moments = [_moments(site, np.vstack([mean, slopes])) for site in sites]
        n = np.where(people > 1, people, np.nan)
        n = np.where([varies(site) for site in sites], n, np.nan)
        gamma = np.stack([first for first, _ in moments]) / n / deviation
        second = np.stack([second for _, second in moments]) / deviation**2
        delta = (second - n * gamma**2) / (n - 1)
    return Standardised(mean, slopes, deviation, gamma, delta, people)


def shrink(found: Standardised, reference: int | None = None) -> Harmoniser:
    """Shrink each site's estimates towards their distribution over voxels.

    Parameters
    ----------
    found : Standardised
        Of all voxels.
    reference : int, optional
        As given to `standardise`.

    Notes
    -----
    Parametric priors by moments; the posterior means are iterated until the largest relative
    change over all voxels is under 1e-4, neuroCombat's rule, so that results agree.
    """
    gamma, delta = np.zeros_like(found.gamma), np.ones_like(found.delta)
    for k in range(len(gamma)):
        if k != reference:
            gamma[k], delta[k] = _posterior(found.gamma[k], found.delta[k], found.people[k])
    return Harmoniser(found.mean, found.slopes, found.deviation, gamma, delta)


def harmonise(
    values: NDArray[np.floating[Any]],
    site: Sequence[str],
    covariates: Float,
    reference: str | None = None,
    block: int = BLOCK,
) -> Harmoniser:
    """Harmonise an array in place, by blocks of voxels.

    Parameters
    ----------
    values : ndarray, shape (person, voxel)
        Replaced; NaN where not measured.
    site : sequence of str, length person
    covariates : ndarray, shape (person, covariate)
        Effects to preserve.
    reference : str, optional
        Reference site, left unchanged.
    block : int
        Voxels per block; affects memory, not results.

    Returns
    -------
    Harmoniser
        Sites in alphabetical order.

    Raises
    ------
    UserError
        As `require_people` and `standardise`.
    """
    names, code = np.unique(np.asarray(site, np.str_), return_inverse=True)
    require_people({name: int((code == k).sum()) for k, name in enumerate(names.tolist())})
    place = None if reference is None else names.tolist().index(reference)
    members = [np.flatnonzero(code == k) for k in range(len(names))]
    design = np.column_stack([np.ones(len(code)), covariates])
    index = [
        np.arange(a, min(a + block, values.shape[1])) for a in range(0, values.shape[1], block)
    ]
    found = [
        standardise([accumulate(values[np.ix_(m, i)], design[m]) for m in members], place)
        for i in index
    ]
    model = shrink(join(found, index), place)
    for i in index:
        own = model.at(i)
        for k, m in enumerate(members):
            part = np.ix_(m, i)
            values[part] = own.apply(values[part].astype(np.float64), k, covariates[m])
    return model


def join(blocks: Sequence[Standardised], index: Sequence[NDArray[np.intp]]) -> Standardised:
    """Concatenate blocks of voxels; voxels of no block are NaN."""
    voxels = 1 + max(int(where.max(initial=-1)) for where in index)
    joined: dict[str, NDArray[np.generic]] = {}
    for name, values in vars(blocks[0]).items():
        joined[name] = np.full((*values.shape[:-1], voxels), 0 if name == "people" else np.nan)
        for block, where in zip(blocks, index, strict=True):
            joined[name][..., where] = getattr(block, name)
    return Standardised(**joined)  # type: ignore[arg-type]


def _with_site(site: int, sites: int, covariates: int) -> Float:
    """Transform [1, covariates] to [one column per site, covariates]."""
    transform = np.zeros((1 + covariates, sites + covariates))
    transform[0, site] = 1.0
    transform[1:, sites:] = np.eye(covariates)
    return transform


def _moments(site: Sums, expected: Float) -> tuple[Float, Float]:
    """Compute sum and sum of squares of a site's residuals from coefficients."""
    padded = np.concatenate([site.grams, np.zeros((1, *site.grams.shape[1:]))])
    first = site.cross[0].copy()
    for start in range(0, len(first), TILE):
        part = slice(start, start + TILE)
        row = padded[site.pattern[part], 0]
        first[part] -= np.einsum("vi,iv->v", row, expected[:, part])
    second = residual_squares(site, expected)
    first[site.pattern == BLANK] = np.nan
    return first, second


def _posterior(gamma: Float, delta: Float, people: NDArray[np.int64]) -> tuple[Float, Float]:
    known = np.isfinite(gamma) & np.isfinite(delta)
    new_gamma, new_delta = np.full_like(gamma, np.nan), np.full_like(delta, np.nan)
    new_gamma[known], new_delta[known] = _iterate(gamma[known], delta[known], people[known])
    return new_gamma, new_delta


def _iterate(gamma: Float, delta: Float, n: NDArray[np.int64]) -> tuple[Float, Float]:
    prior, spread = gamma.mean(), gamma.var(ddof=1)
    mean, variance = delta.mean(), delta.var(ddof=1)
    a = (2 * variance + mean**2) / variance
    b = (mean * variance + mean**3) / variance
    own = (n - 1) * delta
    old_gamma, old_delta = gamma, delta
    for _ in range(MOST_ROUNDS):
        new_gamma = (spread * n * gamma + old_delta * prior) / (spread * n + old_delta)
        about = own + n * (gamma - new_gamma) ** 2
        new_delta = (0.5 * about + b) / (n / 2 + a - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            change = max(
                np.nanmax(np.abs(new_gamma - old_gamma) / old_gamma),
                np.nanmax(np.abs(new_delta - old_delta) / old_delta),
            )
        old_gamma, old_delta = new_gamma, new_delta
        if change <= CONVERGED:
            break
    return old_gamma, old_delta
