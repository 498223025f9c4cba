"""A map as a smooth random field: its fitted covariance, and the part free given structure means.

The covariance of two regions falls exponentially with their distance. A part of the variance is
shared by both hemispheres, the rest is not; some is not spatially correlated (nugget), and
structures differ in their means.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.spatial.space import Space

Floats = NDArray[np.float64]

REACH_MM = (10.0, 20.0, 40.0, 80.0)
ASYMMETRY = (1.0, 0.3, 0.1, 0.03)
NUGGET = (0.0, 0.1, 0.3, 0.6)
OFFSET = (0.0, 1.0, 4.0, 16.0)
_RIDGE = 1e-8


@dataclass(frozen=True)
class Field:
    """The covariance of a map whose regions have variance 1 within their structure.

    Parameters
    ----------
    reach_mm : float
        Distance over which the correlation falls to 1/e.
    asymmetry : float
        Variance of the difference between hemispheres over that of their mean: 1 where they are
        independent, 0 where they are mirror images.
    nugget : float
        Fraction of the variance without spatial correlation, 0 to 1.
    offset : float
        Variance of the structures' own means.
    """

    reach_mm: float
    asymmetry: float
    nugget: float
    offset: float

    def covariance(self, space: Space) -> Floats:
        """Return the covariance of regions, shape (region, region)."""
        near, across = (np.exp(-d / self.reach_mm) for d in (space.distance, space.mirrored))
        smooth = near + across + self.asymmetry * (near - across)
        smooth /= np.diag(smooth).mean()
        own = (self.nugget + _RIDGE) * np.eye(len(smooth))
        offsets = self.offset * space.indicator @ space.indicator.T
        return np.asarray((1 - self.nugget) * smooth + own + offsets)


@dataclass(frozen=True)
class Scale:
    """Units in which a map has homogeneous variance.

    Parameters
    ----------
    values : ndarray, shape (region,)
        The map: deviations from its structure's mean in that structure's SD, means in the pooled
        SD.
    mean, spread : ndarray, shape (region,)
        Mean and SD of each region's structure, in the map's unit.
    """

    values: Floats
    mean: Floats
    spread: Floats


@dataclass(frozen=True)
class Free:
    """The free part of a map given its structures' means.

    Parameters
    ----------
    expected : ndarray, shape (region,)
        The field's expectation given the structures' means.
    basis : ndarray, shape (region, region - structure)
        Spatial eigenvectors of the rest, uncorrelated in the field.
    variance : ndarray, shape (region - structure,)
        Of each eigenvector's loading, up to a common factor.
    """

    expected: Floats
    basis: Floats
    variance: Floats


def standardise(values: Floats, space: Space) -> Scale:
    """Standardise one map, shape (region,), by structure; a constant structure has spread 0."""
    means = space.averaging @ values
    residual = values - space.indicator @ means
    spread = np.sqrt(space.averaging @ np.square(residual))
    spread[spread <= 1e-10 * np.abs(values).max(initial=0.0)] = 0.0
    pooled = np.sqrt(np.square(residual).mean()) or 1.0
    divisor = space.indicator @ np.where(spread > 0, spread, 1.0)
    scaled = residual / divisor + space.indicator @ (means - means.mean()) / pooled
    return Scale(scaled, space.indicator @ means, space.indicator @ spread)


def fit(maps: Floats, space: Space) -> list[Field]:
    """Fit each map's field by restricted maximum likelihood over a grid.

    Parameters
    ----------
    maps : ndarray, shape (m, region)
        In the units of `standardise`.
    space : Space

    Notes
    -----
    Gaussian likelihood, constant mean and variance profiled out (Diggle & Ribeiro 2007,
    Model-based Geostatistics, section 5.4).
    """
    offsets = OFFSET if space.indicator.shape[1] > 1 else OFFSET[:1]
    fields = [Field(*point) for point in product(REACH_MM, ASYMMETRY, NUGGET, offsets)]
    likelihood = np.array([_log_likelihood(maps, field.covariance(space)) for field in fields])
    return [fields[k] for k in likelihood.argmax(axis=0)]


def free_part(values: Floats, field: Field, space: Space) -> Free:
    """Split a field given the structures' means of a map, shape (region,)."""
    covariance, average = field.covariance(space), space.averaging
    shared = covariance @ average.T
    precision = np.linalg.inv(average @ shared)
    means = average @ values
    level = (precision @ means).sum() / precision.sum()
    rest = covariance - shared @ precision @ shared.T
    variance, basis = np.linalg.eigh((rest + rest.T) / 2)
    k = len(average)
    expected = level + shared @ precision @ (means - level)
    return Free(np.asarray(expected), basis[:, k:], variance[k:].clip(_RIDGE))


def _log_likelihood(maps: Floats, covariance: Floats) -> Floats:
    lower = np.linalg.cholesky(covariance)
    white = np.linalg.solve(lower, np.column_stack([np.ones(len(lower)), maps.T]))
    one, rows = white[:, 0], white[:, 1:]
    squares = np.square(rows).sum(axis=0) - np.square(one @ rows) / (one @ one)
    free = len(lower) - 1
    log_determinant = 2 * np.log(np.diag(lower)).sum() + np.log(one @ one)
    return np.asarray(-0.5 * (free * np.log(squares / free + 1e-300) + log_determinant))
