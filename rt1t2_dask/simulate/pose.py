"""The exact map from one person's head to the template."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from rt1t2_dask.images.volume import Affine, Grid
from rt1t2_dask.simulate.lattice import SmoothField, random_field

Points = NDArray[np.float64]

MIN_JACOBIAN = 0.2
_TURN_DEG, _SHIFT_MM, _SCALE = 6.0, 6.0, 0.06
_OFFSET_DEG, _OFFSET_MM = 5.0, 5.0
# Lattice spacing and standard deviation in mm of the coarse, middle and fine part of the anatomy.
_BENDS = ((40.0, 2.6), (20.0, 0.8), (10.0, 0.6))
_HEAD_CENTRE = np.array([0.0, -18.0, 0.0])


@dataclass(frozen=True)
class TrueWarp:
    """The true map from T1w world to template world: affine plus smooth displacements.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        T1w world mm to template mm.
    bends : tuple of SmoothField
        Displacements in mm, added after the affine, as functions of T1w world position.
    swelling : SmoothField, optional
        Displacement per mm of ventricle wall movement, as a function of
        template position; applied last.
    wall_mm : float
        Movement of the ventricle wall, mm.
    moved : ndarray, shape (4, 4), optional
        T1w world of one of several sessions to that of which the anatomy was drawn, mm; rigid,
        applied first.
    """

    affine: Affine
    bends: tuple[SmoothField, ...]
    swelling: SmoothField | None = None
    wall_mm: float = 0.0
    moved: Affine | None = None

    def subject_to_template(self, points: Points) -> Points:
        """Map T1w world points in mm, shape (n, 3), to template mm."""
        points = np.asarray(points, dtype=np.float64)
        if self.moved is not None:
            points = np.einsum("nj,ij->ni", points, self.moved[:3, :3]) + self.moved[:3, 3]
        moved = np.einsum("nj,ij->ni", points, self.affine[:3, :3]) + self.affine[:3, 3]
        for bend in self.bends:
            moved += bend.at(points)
        return self._swollen(moved)

    def on_grid(self, grid: Grid) -> Points:
        """Return template mm of every voxel of an axis-aligned T1w grid, shape (x, y, z, 3)."""
        world = grid.world().astype(np.float64)
        if self.moved is not None:
            return self.subject_to_template(world.reshape(-1, 3)).reshape(world.shape)
        moved = np.einsum("xyzj,ij->xyzi", world, self.affine[:3, :3]) + self.affine[:3, 3]
        for bend in self.bends:
            moved += np.moveaxis(bend.on_grid(grid), 0, -1)
        return self._swollen(moved)

    def flatter(self, factor: float) -> TrueWarp:
        """Return the map with every displacement scaled by a factor."""
        bends = tuple(bend.scaled(factor) for bend in self.bends)
        return replace(self, bends=bends, wall_mm=factor * self.wall_mm)

    def _swollen(self, points: Points) -> Points:
        """Move template points towards the ventricles, which enlarges them in the person."""
        if self.swelling is None or not self.wall_mm:
            return np.asarray(points)
        inside = np.flatnonzero(self.swelling.reaches(points).ravel())
        flat = points.reshape(-1, 3).copy()
        flat[inside] -= self.wall_mm * self.swelling.at(flat[inside])
        return flat.reshape(points.shape)


def draw_warp(
    rng: np.random.Generator,
    grid: Grid,
    swelling: SmoothField | None = None,
    wall_mm: float = 0.0,
) -> TrueWarp:
    """Draw a pose and a smooth diffeomorphism; its Jacobian stays above `MIN_JACOBIAN`.

    Ventricles whose wall lies `wall_mm` further out are part of it where `swelling` is given.

    A draw that folds (none has so far) is scaled down stepwise, not redrawn, so that every seed
    gives one warp.
    """
    affine = _about_head_centre(
        rng.uniform(-_TURN_DEG, _TURN_DEG, 3),
        rng.uniform(-_SHIFT_MM, _SHIFT_MM, 3),
        1 + rng.uniform(-_SCALE, _SCALE, 3),
    )
    bends = tuple(
        random_field(rng, grid, spacing_mm=spacing, sd=sd, components=3) for spacing, sd in _BENDS
    )
    warp = TrueWarp(affine, bends, swelling, wall_mm)
    coarse = _coarse(grid)
    while smallest_jacobian(warp, coarse) <= MIN_JACOBIAN:
        warp = warp.flatter(0.9)
    return warp


def draw_offset(rng: np.random.Generator) -> Affine:
    """Draw the rigid map from T2w world to T1w world: up to 5 degrees and 5 mm."""
    turn = _in_ball(rng, _OFFSET_DEG)
    return _about_head_centre(turn, _in_ball(rng, _OFFSET_MM), np.ones(3))


def smallest_jacobian(warp: TrueWarp, grid: Grid) -> float:
    """Compute the smallest Jacobian determinant over a grid (central differences)."""
    moved = warp.on_grid(grid)
    steps = [float(step) for step in grid.voxel_mm]
    derivative = np.stack([np.asarray(np.gradient(moved[..., i], *steps)) for i in range(3)])
    return float(np.linalg.det(np.moveaxis(derivative, (0, 1), (-2, -1))).min())


def _about_head_centre(turn_deg: Points, shift_mm: Points, scale: Points) -> Affine:
    linear = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix() * scale
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = _HEAD_CENTRE - linear @ _HEAD_CENTRE + shift_mm
    return affine


def _in_ball(rng: np.random.Generator, radius: float) -> Points:
    """Draw a vector of uniform length up to `radius` in a uniform direction."""
    direction = rng.standard_normal(3)
    return np.asarray(direction / np.linalg.norm(direction) * rng.uniform(0, radius))


def _coarse(grid: Grid, step_mm: float = 4.0) -> Grid:
    """Cover the same box with voxels of `step_mm`."""
    shape = np.maximum(np.ceil(grid.voxel_mm * grid.shape / step_mm).astype(int), 2)
    affine = np.diag([step_mm, step_mm, step_mm, 1.0])
    affine[:3, 3] = np.asarray(grid.affine)[:3, 3]
    x, y, z = (int(n) for n in shape)
    return Grid((x, y, z), affine)
