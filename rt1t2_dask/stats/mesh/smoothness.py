"""Smoothness of residuals on a mesh, and resels of its surface."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import hyp2f1

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.mesh.neighbourhood import Neighbourhood

Float = NDArray[np.float64]
SD_FWHM = float(np.sqrt(8 * np.log(2)))
WHITE = 1 - 1e-3
"""Neighbours whose mean correlation is under .001 count as independent: at any mesh's spacing the
FWHM would be under half an edge, where it has no meaning."""

UNBIASED_DOF = 4
"""From here Olkin and Pratt's series converges at every correlation."""


def fwhm_mm(
    residuals: Iterable[NDArray[Any]],
    space: Neighbourhood,
    coordinates: NDArray[Any],
    dof: float,
    n: int | None = None,
) -> float:
    """Estimate the FWHM of the noise on a mesh, in mm.

    Parameters
    ----------
    residuals : iterable of ndarray, shape (vertex,)
        Over their standard deviation, at the tested vertices; see
        :func:`rt1t2_dask.stats.glm.noise.standardised_residuals`. Edges with NaN are left out.
    space : Neighbourhood
        The tested vertices.
    coordinates : ndarray, shape (vertex, 3)
        mm of the tested vertices, of the midthickness.
    dof : float
        Residual degrees of freedom, above 0.
    n : int, optional
        Rows of the design; default as many as there are residuals.

    Returns
    -------
    float
        0 where neighbours are independent.

    Raises
    ------
    UserError
        No edge joins two vertices with residuals.

    Notes
    -----
    Hagler et al. 2006 (NeuroImage 33:1093): 1 - half the variance of the neighbours' difference is
    their correlation, exp(-d^2 / 4 s^2) where noise was smoothed by a Gaussian of SD s. They take
    d, and the variance, from one mean over all edges; here each edge keeps its own length, weighted
    by its vertices' share of the area, and s is that of which the mean over edges is expected. A
    correlation of few values is too small; theirs is unbiased (Olkin & Pratt 1958, Ann Math Stat
    29:201), without which the FWHM is 6 to 8 % too small at 6 degrees of freedom.
    """
    one, other = space.edges()
    squares, count = np.zeros(len(one)), 0
    for row in residuals:
        squares += (np.asarray(row, np.float64)[one] - row[other]) ** 2
        count += 1
    places = np.asarray(coordinates, np.float64)
    length = np.linalg.norm(places[one] - places[other], axis=1)
    share = space.areas / np.maximum(np.diff(space.indptr), 1)
    used = np.isfinite(squares)
    weight = (share[one] + share[other])[used]
    if not weight.sum() > 0:
        raise UserError(
            "smoothness: no edge of the mesh joins two vertices with a statistic; check the mask, "
            "and that maps differ between people."
        )
    r = 1 - squares[used] * (n or count) / dof / count / 2
    if dof >= UNBIASED_DOF:
        r *= hyp2f1(0.5, 0.5, (dof - 1) / 2, 1 - r**2)
    return _fwhm(float(np.average(1 - r, weights=weight)), length[used], weight)


def _fwhm(rough: float, length: Float, weight: Float) -> float:
    """Return the FWHM whose expected 1 - correlation, averaged over edges, is ``rough``."""
    if rough >= WHITE:
        return 0.0
    scale = float(np.average(length, weights=weight))

    def excess(log_fwhm: float) -> float:
        sd = scale * np.exp(log_fwhm) / SD_FWHM
        expected = -np.expm1(-((length / sd) ** 2) / 4)
        return float(np.average(expected, weights=weight)) - rough

    return float(scale * np.exp(brentq(excess, np.log(1e-3), np.log(1e6), xtol=1e-9)))


def surface_resels(
    faces: NDArray[Any], coordinates: NDArray[Any], tested: NDArray[np.bool_], fwhm: float
) -> Float:
    """Compute the resolution elements of a surface in 0, 1 and 2 dimensions, shape (3,).

    Parameters
    ----------
    faces : ndarray of int, shape (face, 3)
        Of one surface or several joined.
    coordinates : ndarray, shape (vertex, 3)
        mm.
    tested : ndarray of bool, shape (vertex,)
        Faces count whose three vertices are tested.
    fwhm : float
        mm, above 0.

    Returns
    -------
    ndarray
        Euler characteristic, half the length of the border / FWHM, area / FWHM^2.

    Raises
    ------
    UserError
        ``fwhm`` is not above 0.

    Notes
    -----
    Worsley et al. 1999 (Hum Brain Mapp 8:98), of a surface without thickness.
    """
    if not fwhm > 0:
        raise UserError(f"resels: FWHM of {fwhm} mm; needs noise that is smooth on the mesh.")
    kept = np.asarray(faces, np.int64)[tested[faces].all(axis=1)]
    places = np.asarray(coordinates, np.float64)
    sides = np.sort(np.concatenate([kept[:, [0, 1]], kept[:, [1, 2]], kept[:, [2, 0]]]), axis=1)
    edges, times = np.unique(sides, axis=0, return_counts=True)
    euler = len(np.unique(kept)) - len(edges) + len(kept)
    border = edges[times == 1]
    length = np.linalg.norm(places[border[:, 0]] - places[border[:, 1]], axis=1).sum()
    a, b, c = (places[kept[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    return np.array([euler, length / 2 / fwhm, area / fwhm**2])
