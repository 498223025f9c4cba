"""Meta-analysis of the effects that sites found each for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rt1t2_dask.errors import UserError

Float = NDArray[np.float64]
Method = Literal["fixed", "random"]
MIN_SITES = 2


@dataclass(frozen=True)
class Meta:
    """Effect over sites at every voxel; NaN where fewer than two sites have one.

    Parameters
    ----------
    effect, se, z : ndarray, shape (voxel,)
        Weighted mean in the data's unit, its standard error, their quotient.
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


def combine(effects: Float, errors: Float, method: Method = "random") -> Meta:
    """Combine sites.

    Parameters
    ----------
    effects, errors : ndarray, shape (site, voxel)
        Effect and standard error of each; NaN where a site has none.
    method : {"fixed", "random"}
        Inverse variances; or DerSimonian-Laird, whose variance between sites is added.

    Raises
    ------
    UserError
        Fewer than two sites.

    Notes
    -----
    DerSimonian and Laird 1986 (Control Clin Trials 7:177); Higgins and Thompson 2002 (Stat Med
    21:1539). Standard errors count as known: with few people or few sites z is too large.
    """
    if len(effects) < MIN_SITES:
        raise UserError(f"a meta-analysis needs {MIN_SITES} sites or more; there is one.")
    there = np.isfinite(effects) & np.isfinite(errors) & (errors > 0)
    known = there.sum(axis=0)
    y = np.where(there, effects, 0.0)
    w = np.divide(1.0, errors**2, out=np.zeros_like(y), where=there)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (w * y).sum(axis=0) / w.sum(axis=0)
        q = (w * (y - mean) ** 2).sum(axis=0)
        excess = q - (known - 1)
        scale = w.sum(axis=0) - (w**2).sum(axis=0) / w.sum(axis=0)
        tau2 = np.maximum(excess / scale, 0.0) if method == "random" else np.zeros_like(q)
        weight = np.divide(w, 1 + w * tau2, out=np.zeros_like(w), where=there)
        effect = (weight * y).sum(axis=0) / weight.sum(axis=0)
        se = weight.sum(axis=0) ** -0.5
        i2 = np.where(q > 0, np.maximum(excess / q, 0.0), 0.0)
        p_q = stats.chi2.sf(q, np.maximum(known - 1, 1))
        rows = np.stack([effect, se, effect / se, q, p_q, i2, tau2])
    effect, se, z, q, p_q, i2, tau2 = np.where(known >= MIN_SITES, rows, np.nan)
    return Meta(effect, se, z, known, q, p_q, i2, tau2)


def leave_one_out(effects: Float, errors: Float, method: Method = "random") -> Float:
    """Give z without each site in turn, shape (site, voxel); NaN where one site is left."""
    if len(effects) <= MIN_SITES:
        return np.full(effects.shape, np.nan)
    left = [np.arange(len(effects)) != k for k in range(len(effects))]
    return np.stack([combine(effects[rows], errors[rows], method).z for rows in left])
