"""Meta-analysis of the sites' effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.scores import t_to_z

Float = NDArray[np.float64]
Method = Literal["fixed", "random"]
MIN_SITES = 2

# Hartung-Knapp's t has sites - 1 degrees of freedom: with three it asks |t| > 22 at p < .001.
HARTUNG_KNAPP_SITES = 5


@dataclass(frozen=True)
class Meta:
    """Combined effect at every voxel; NaN where fewer than two sites have one.

    Parameters
    ----------
    effect, se : ndarray, shape (voxel,)
        Weighted mean in the data's unit and its standard error.
    z : ndarray, shape (voxel,)
        Normal deviate of ``effect / se``; of equal p where that ratio follows Student's t.
    sites : ndarray of int, shape (voxel,)
        Sites that have an effect.
    q : ndarray, shape (voxel,)
        Cochran's Q about the inverse-variance mean.
    p_q : ndarray, shape (voxel,)
        Of Q against chi-square with ``sites`` - 1 degrees of freedom.
    i2 : ndarray, shape (voxel,)
        Share of Q beyond its expectation (Higgins), 0 to 1.
    tau2 : ndarray, shape (voxel,)
        Variance between sites (DerSimonian-Laird), 0 for ``fixed``.
    """

    effect: Float
    se: Float
    z: Float
    sites: NDArray[np.int64]
    q: Float
    p_q: Float
    i2: Float
    tau2: Float


@dataclass(frozen=True)
class _Weighted:
    """The sites at every voxel, shape (site, voxel); weight 0 where a site has no effect."""

    y: Float
    weight: Float
    known: NDArray[np.int64]


def combine(
    effects: Float, errors: Float, method: Method = "random", dof: Float | None = None
) -> Meta:
    """Combine sites.

    Parameters
    ----------
    effects, errors : ndarray, shape (site, voxel)
        Effect and standard error of each; NaN where a site has none.
    method : {"fixed", "random"}
        Inverse variance; or DerSimonian-Laird, with variance between sites.
    dof : ndarray, shape (site, voxel), optional
        Degrees of freedom of each standard error (Satterthwaite's where variances differ by
        group); without them standard errors are taken as known.

    Raises
    ------
    UserError
        Fewer than two sites.

    Notes
    -----
    DerSimonian and Laird 1986 (Control Clin Trials 7:177); Higgins and Thompson 2002 (Stat Med
    21:1539). Every site's error is inflated so that effect over error is the z of its t, since
    errors of few people taken as known make z too large. With ``random``, voxels of five sites or
    more take the standard error of Hartung and Knapp 2001 (Stat Med 20:3875) and Student's t with
    sites - 1 degrees of freedom.
    """
    if len(effects) < MIN_SITES:
        raise UserError(f"a meta-analysis needs at least {MIN_SITES} sites; the study has one.")
    sites = _weighted(effects, errors if dof is None else widened(effects, errors, dof))
    y, w, known = sites.y, sites.weight, sites.known
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (w * y).sum(axis=0) / w.sum(axis=0)
        q = (w * (y - mean) ** 2).sum(axis=0)
        excess = q - (known - 1)
        scale = w.sum(axis=0) - (w**2).sum(axis=0) / w.sum(axis=0)
        tau2 = np.maximum(excess / scale, 0.0) if method == "random" else np.zeros_like(q)
        i2 = np.where(q > 0, np.maximum(excess / q, 0.0), 0.0)
    effect, se, z = _tested(sites, tau2, method)
    p_q = stats.chi2.sf(q, np.maximum(known - 1, 1))
    rows = np.stack([effect, se, z, q, p_q, i2, tau2])
    effect, se, z, q, p_q, i2, tau2 = np.where(known >= MIN_SITES, rows, np.nan)
    return Meta(effect, se, z, known, q, p_q, i2, tau2)


def widened(effects: Float, errors: Float, dof: Float) -> Float:
    """Return standard errors for which effect / error is the z of the effect's Student's t.

    Parameters
    ----------
    effects, errors, dof : ndarray
        Of one shape; NaN stays NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        t = effects / errors
        ratio = t / t_to_z(t, dof)
    # At t = 0 the quotient is that of the densities there.
    ratio = np.where(t == 0, stats.norm.pdf(0.0) / stats.t.pdf(0.0, dof), ratio)
    return np.asarray(errors * ratio)


def _weighted(effects: Float, errors: Float) -> _Weighted:
    there = np.isfinite(effects) & np.isfinite(errors) & (errors > 0)
    y = np.where(there, effects, 0.0)
    weight = np.divide(1.0, errors**2, out=np.zeros_like(y), where=there)
    return _Weighted(y, weight, there.sum(axis=0))


def _tested(sites: _Weighted, tau2: Float, method: Method) -> tuple[Float, Float, Float]:
    """Compute the effect, its standard error and its z at every voxel."""
    weight = sites.weight / (1 + sites.weight * tau2)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = (weight * sites.y).sum(axis=0) / weight.sum(axis=0)
        se = weight.sum(axis=0) ** -0.5
        z = effect / se
        many = np.asarray(sites.known >= HARTUNG_KNAPP_SITES)
        if method == "random" and many.any():
            left = np.maximum(sites.known - 1, 1)
            spread = (weight * (sites.y - effect) ** 2).sum(axis=0) / left
            se = np.where(many, se * np.sqrt(spread), se)
            z = np.where(many, t_to_z(effect / se, left), z)
    return effect, se, z


def leave_one_out(
    effects: Float, errors: Float, method: Method = "random", dof: Float | None = None
) -> Float:
    """Compute z without each site in turn, shape (site, voxel); NaN where one site is left."""
    if len(effects) <= MIN_SITES:
        return np.full(effects.shape, np.nan)
    left = [np.arange(len(effects)) != k for k in range(len(effects))]
    return np.stack(
        [combine(effects[r], errors[r], method, None if dof is None else dof[r]).z for r in left]
    )
