"""Folded ribbons of known thickness, and images of them with partial volume.

Both surfaces are distances from a centre by direction, so that every point's tissue and depth are
known without any mesh. Folds are up to 15 mm deep and lean by up to 61 degrees, half of them by
32 and more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.intensities import FLUID, GREY, WHITE
from rt1t2_dask.surface.mesh import Mesh

Float = NDArray[np.float64]
RADIUS_MM, FOLD_MM, FOLDS = 32.0, 2.5, 9.0
PIECES = 5


@dataclass(frozen=True)
class Ribbon:
    """A ribbon round the origin.

    Parameters
    ----------
    thickness_mm : float
        Along the normal, to first order.
    seed : int
        Of directions and phases of the folds and of the field.
    """

    thickness_mm: float
    seed: int = 0

    def white(self, unit: Float) -> Float:
        """Distance of the white surface in mm by unit direction (..., 3)."""
        waves, phases = self._folds()
        return RADIUS_MM + FOLD_MM * np.sin(unit @ waves.T + phases).sum(axis=-1)

    def gap(self, unit: Float) -> Float:
        """Distance from white to pial along the direction, in mm: thickness over cos(tilt)."""
        waves, phases = self._folds()
        gradient = FOLD_MM * np.cos(unit @ waves.T + phases) @ waves
        gradient -= (gradient * unit).sum(axis=-1, keepdims=True) * unit
        slope = (gradient**2).sum(axis=-1) / self.white(unit) ** 2
        return self.thickness_mm * np.sqrt(1 + slope)

    def _folds(self) -> tuple[Float, Float]:
        rng = np.random.default_rng(self.seed)
        waves, phases = rng.standard_normal((3, 3)), rng.uniform(0, 2 * np.pi, 3)
        return waves * FOLDS / np.linalg.norm(waves, axis=1, keepdims=True), phases

    def ratio(self, places: Float, depth: Float) -> Float:
        """Return the ratio of grey matter, 1 +- .15, higher near white matter."""
        rng = np.random.default_rng(self.seed + 1)
        waves, phases = rng.standard_normal((4, 3)) / 12, rng.uniform(0, 2 * np.pi, 4)
        smooth = np.sin(places @ waves.T + phases).mean(axis=-1)
        return 1 + 0.15 * smooth + 0.1 * (0.5 - depth)

    def surfaces(self, sphere: Mesh) -> tuple[Mesh, Mesh]:
        """Return white and pial mesh in mm along the directions of a sphere."""
        unit = sphere.vertices / np.linalg.norm(sphere.vertices, axis=1, keepdims=True)
        white, gap = self.white(unit)[:, None], self.gap(unit)[:, None]
        return sphere.moved(unit * white), sphere.moved(unit * (white + gap))

    def means(self, white: Mesh, pial: Mesh, pieces: int = 8) -> Float:
        """Return the exact mean of the ratio over each vertex's polyhedron, by fine quadrature."""
        a, b = (mesh.vertices[mesh.faces] for mesh in (white, pial))
        total, whole = np.zeros(len(a)), np.zeros(len(a))
        for u, v in pieces_of_a_triangle(pieces):
            weight = np.array([1 - u - v, u, v])
            low, high = np.einsum("c,fcx->fx", weight, a), np.einsum("c,fcx->fx", weight, b)
            for depth in (np.arange(pieces) + 0.5) / pieces:
                corner = a + depth * (b - a)
                cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
                size = np.abs(np.einsum("fx,fx->f", cross, high - low))
                total += size * self.ratio(low + depth * (high - low), np.full(len(a), depth))
                whole += size
        n, corners = len(white.vertices), white.faces.ravel()
        sums = [np.bincount(corners, np.repeat(each, 3), minlength=n) for each in (total, whole)]
        return sums[0] / sums[1]

    def images(self, grid: Grid, voxels: NDArray[np.integer]) -> tuple[Float, Float]:
        """Return two images: the field alone in every voxel, and T1w over T2w as scanned.

        The first holds the ratio of grey matter beyond the ribbon too (depth clipped). For the
        second each voxel is cut into 125, T1w and T2w of white matter, grey matter and fluid are
        averaged over them, and then divided. Voxels (C order) that are not named are NaN.
        """
        affine = np.asarray(grid.affine, np.float64)
        index = np.stack(np.unravel_index(voxels, grid.shape), axis=1)
        offsets = (np.arange(PIECES) + 0.5) / PIECES - 0.5
        totals = np.zeros((3, len(voxels)))
        for shift in np.stack(np.meshgrid(*[offsets] * 3), axis=-1).reshape(-1, 3):
            totals += self._tissue((index + shift) @ affine[:3, :3].T + affine[:3, 3])
        found = np.full((2, int(np.prod(grid.shape))), np.nan)
        found[0, voxels] = totals[2] / PIECES**3
        found[1, voxels] = GREY["t2w"] / GREY["t1w"] * totals[0] / totals[1]
        return found[0].reshape(grid.shape), found[1].reshape(grid.shape)

    def _tissue(self, at: Float) -> Float:
        """Return T1w, T2w and the ratio of grey matter at places in mm, shape (3, place)."""
        far = np.maximum(np.linalg.norm(at, axis=1), 1e-9)
        unit = at / far[:, None]
        depth = (far - self.white(unit)) / self.gap(unit)
        ratio = self.ratio(at, np.clip(depth, 0, 1))
        # Grey matter's ratio is in T1w and T2w alike, by its root.
        grey = GREY["t1w"] * np.sqrt(ratio), GREY["t2w"] / np.sqrt(ratio)
        one, two = (
            np.where(depth < 0, WHITE[kind], np.where(depth > 1, FLUID[kind], own))
            for kind, own in zip(("t1w", "t2w"), grey, strict=True)
        )
        return np.stack([one, two, ratio])


def grid_round(pial: Mesh, voxel_mm: float = 1.0) -> Grid:
    """Return a turned grid of cubic voxels that holds a surface."""
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((3, 3)))[0]
    reach = float(np.linalg.norm(pial.vertices, axis=1).max()) + 3
    n = int(np.ceil(2 * reach / voxel_mm))
    affine = np.eye(4)
    affine[:3, :3] = turn * voxel_mm
    affine[:3, 3] = -affine[:3, :3] @ np.full(3, (n - 1) / 2 + 0.3)
    return Grid((n, n, n), affine)


def pieces_of_a_triangle(n: int) -> list[tuple[float, float]]:
    """Return the centres of n x n equal pieces as barycentric coordinates."""
    up = [((i + 1 / 3) / n, (j + 1 / 3) / n) for i in range(n) for j in range(n - i)]
    down = [((i + 2 / 3) / n, (j + 2 / 3) / n) for i in range(n) for j in range(n - i - 1)]
    return up + down


def even_sphere(n: int) -> Mesh:
    """Return a sphere of n nearly evenly spread vertices (Fibonacci lattice), radius 100."""
    k = np.arange(n) + 0.5
    z, angle = 1 - 2 * k / n, np.pi * (1 + 5**0.5) * k
    flat = np.sqrt(1 - z**2)
    points = 100 * np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)
    faces = ConvexHull(points).simplices
    inward = np.linalg.det(points[faces]) < 0
    faces[inward] = faces[inward][:, [0, 2, 1]]
    return Mesh(points, faces)
