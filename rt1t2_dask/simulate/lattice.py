"""Smooth random fields: cubic B-splines on a regular lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from rt1t2_dask.images.volume import Grid

Points = NDArray[np.float64]

# Integral of the squared cubic B-spline: the variance kept on each axis by random coefficients.
_SQUARED_BASIS = 151 / 315


@dataclass(frozen=True)
class SmoothField:
    """A vector field that can be evaluated anywhere without resampling error.

    Parameters
    ----------
    coefficients : ndarray, shape (component, i, j, k)
        Cubic B-spline coefficients; zero beyond the lattice.
    origin_mm : ndarray, shape (3,)
        World position of the first lattice point.
    spacing_mm : float
        Distance of neighbouring lattice points.
    """

    coefficients: NDArray[np.float64]
    origin_mm: Points
    spacing_mm: float

    def at(self, points: Points) -> Points:
        """Evaluate at world points in mm, shape (n, 3); return shape (n, component)."""
        index = ((np.asarray(points, dtype=np.float64) - self.origin_mm) / self.spacing_mm).T
        values = [
            map_coordinates(c, index, order=3, prefilter=False, mode="grid-constant")
            for c in self.coefficients
        ]
        return np.stack(values, axis=-1)

    def on_grid(self, grid: Grid) -> NDArray[np.float64]:
        """Evaluate on an axis-aligned grid; return shape (component, x, y, z)."""
        bases = [
            _basis((axis - start) / self.spacing_mm, count)
            for axis, start, count in zip(
                grid_axes(grid), self.origin_mm, self.coefficients.shape[1:], strict=True
            )
        ]
        # einsum without optimize never calls BLAS, whose sums may change with its threads.
        values = np.einsum("cijk,xi->cxjk", self.coefficients, bases[0])
        values = np.einsum("cxjk,yj->cxyk", values, bases[1])
        return np.asarray(np.einsum("cxyk,zk->cxyz", values, bases[2]))

    def reaches(self, points: Points) -> NDArray[np.bool_]:
        """Return where the field can differ from zero; points in mm, shape (..., 3)."""
        margin = 2 * self.spacing_mm
        last = np.array(self.coefficients.shape[1:]) - 1
        low, high = self.origin_mm - margin, self.origin_mm + last * self.spacing_mm + margin
        return np.asarray(np.all((points > low) & (points < high), axis=-1))

    def scaled(self, factor: float) -> SmoothField:
        """Return the same field times a factor."""
        return SmoothField(self.coefficients * factor, self.origin_mm, self.spacing_mm)


def random_field(
    rng: np.random.Generator, grid: Grid, *, spacing_mm: float, sd: float, components: int = 1
) -> SmoothField:
    """Draw a smooth zero-mean Gaussian field that covers a grid.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the coefficients.
    grid : Grid
        Axis-aligned grid to cover.
    spacing_mm : float
        Lattice spacing, about half the wavelength of the finest detail.
    sd : float
        Standard deviation of each component over positions and draws.
    components : int
        Number of independent components.
    """
    ends = np.array([(axis[0], axis[-1]) for axis in grid_axes(grid)])
    origin = ends[:, 0] - 2 * spacing_mm
    counts = np.ceil((ends[:, 1] - origin) / spacing_mm).astype(int) + 3
    coefficients = rng.standard_normal((components, *counts)) * sd / _SQUARED_BASIS**1.5
    return SmoothField(coefficients, origin, spacing_mm)


def grid_axes(grid: Grid) -> list[NDArray[np.float64]]:
    """Return world coordinates in mm along the axes of an axis-aligned, positively stepped grid."""
    affine = np.asarray(grid.affine, dtype=np.float64)
    steps = np.diag(affine)[:3]
    if not np.array_equal(affine[:3, :3], np.diag(steps)) or np.any(steps <= 0):
        raise ValueError(f"an axis-aligned RAS grid is expected, got affine {affine.tolist()}")
    return [
        start + step * np.arange(count)
        for start, step, count in zip(affine[:3, 3], steps, grid.shape, strict=True)
    ]


def _basis(position: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Evaluate `count` cubic B-splines, centred at 0, 1, ..., at each position."""
    distance = np.abs(position[:, None] - np.arange(count))
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    return np.where(distance < 1, near, far)
