"""Heat-kernel smoothing of maps on a mesh.

The heat equation ``M du/dt = -L u`` (L cotangent Laplacian, M lumped vertex areas) is solved by a
Chebyshev series of ``exp(-t M^-1 L)`` (Tal-Ezer 1989, SIAM J Numer Anal 26:1-11): there is no
step in time. Heat after t spreads with variance 2t along each direction, so
``t = sigma^2 / 2`` and ``sigma = FWHM / sqrt(8 ln 2)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from rt1t2_dask.errors import UserError
from rt1t2_dask.surface.laplacian import stiffness
from rt1t2_dask.surface.mesh import Mesh

Float = NDArray[np.float64]
TRUNCATION: Final = 1e-7
"""Largest error of the series, relative to the largest value of the map (square mean by area)."""


@dataclass(frozen=True, eq=False)
class Smoother:
    """A heat kernel on one mesh, for many maps.

    Parameters
    ----------
    operator : csr_matrix, shape (vertex, vertex)
        ``M^-1/2 L M^-1/2``, its spectrum shifted and scaled into [-1, 1].
    root_areas : ndarray, shape (vertex,)
        ``M^1/2``; 1 at vertices without area, which keep their values.
    coefficients : ndarray, shape (degree + 1,)
        Of the Chebyshev polynomials.
    """

    operator: sparse.csr_matrix
    root_areas: Float
    coefficients: Float

    def __call__(self, maps: NDArray[np.floating]) -> Float:
        """Return smoothed maps, shape (..., vertex); NaN where they were NaN.

        Missing values are left out: the kernel runs over the map with zeros there and over the
        mask of what is known, and the first is divided by the second.
        """
        values = np.asarray(maps, np.float64)
        flat = values.reshape(-1, values.shape[-1])
        known = np.isfinite(flat)
        smooth = self._heat(np.where(known, flat, 0.0))
        if not known.all():
            smooth /= self._heat(known.astype(np.float64))
        return np.where(known, smooth, np.nan).reshape(values.shape)

    def _heat(self, flat: Float) -> Float:
        column = (flat * self.root_areas).T
        before, now = column, self.operator @ column
        total = self.coefficients[0] * before
        if len(self.coefficients) > 1:
            total += self.coefficients[1] * now
        for weight in self.coefficients[2:]:
            before, now = now, 2 * (self.operator @ now) - before
            total += weight * now
        return np.asarray(total.T / self.root_areas)


def smoother(mesh: Mesh, fwhm_mm: float) -> Smoother:
    """Return the heat kernel of a full width at half maximum in mm.

    Parameters
    ----------
    mesh : Mesh
        The surface along which is smoothed, as a rule the midthickness.
    fwhm_mm : float
        0 or more; 0 changes nothing.

    Raises
    ------
    UserError
        The width is negative or not finite.

    Notes
    -----
    A constant stays constant, and the mean weighted by vertex areas is kept where nothing is
    missing. What is left of the true heat flow is the mesh's own error, of second order in edge
    length. On a flat grid the variance is exact and the width at half maximum right to 3 % from
    7 edges on; at 4 edges it is 8 % too narrow. On fsaverage5's sphere (edges of 3.8 mm) harmonics
    up to degree 8 decay as those of an FWHM 0.3 % smaller. Where triangles are obtuse the kernel
    can be negative far out, by less than 1 % of its peak at an FWHM of one edge.
    """
    if not (np.isfinite(fwhm_mm) and fwhm_mm >= 0):
        raise UserError(f"FWHM on the surface must be 0 mm or more, not {fwhm_mm}.")
    areas = mesh.vertex_areas
    root = np.sqrt(np.where(areas > 0, areas, 1.0))
    laplacian = stiffness(mesh)
    scaled = sparse.csr_matrix(sparse.diags(1 / root) @ laplacian @ sparse.diags(1 / root))
    highest = float(abs(scaled).sum(axis=1).max()) or 1.0
    time = fwhm_mm**2 / (16 * np.log(2))
    operator = sparse.csr_matrix(sparse.identity(len(root)) - scaled * (2 / highest))
    return Smoother(operator, root, _coefficients(time * highest / 2))


def _coefficients(z: float) -> Float:
    """Return the series of exp(-z (1 - x)) on [-1, 1], cut where the rest is `TRUNCATION`.

    Its coefficients are scaled Bessel functions, 2 exp(-z) I_k(z); all are positive, T_k(1) is 1,
    and the constant (x = 1) must keep its value, so they are divided by their sum.
    """
    degree = int(np.ceil(6 * np.sqrt(z) + 20))
    series = 2 * special.ive(np.arange(degree + 1), z)
    series[0] /= 2
    rest = np.cumsum(series[::-1])[::-1]
    kept = series[: max(1, int(np.count_nonzero(rest > TRUNCATION)))]
    return np.asarray(kept / kept.sum())
