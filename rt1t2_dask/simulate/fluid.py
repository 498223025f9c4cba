"""CSF of a person's brain: ventricles of varying size, sulci of varying width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.lattice import SmoothField, random_field

Image = NDArray[np.float32]

_SURE_FLUID, _DEPTH_MM = 0.6, 20.0
_SWELLING_SPACING_MM, _REACH_MM, _SMOOTH_MM = 4.0, 25.0, 2.5
# Displacement of the ventricles' wall: spread between people and largest, mm (our choice; the
# template's deep fluid then grows by a fifth or shrinks by an eighth at most, and nothing folds).
_WALL_SD_MM, _MOST_WALL_MM = 0.5, 1.0
# Share of fluid that a sulcus has more or less where it is half fluid: spread between people and
# over one head (our choice: the cortex then differs by a few per cent of its ratio).
SULCI_PER_MM = 0.1
_SULCI_SD, _SULCI_LOCAL_SD, _SULCI_SPACING_MM = 0.015, 0.03, 12.0


def draw_wall_mm(rng: np.random.Generator) -> float:
    """Draw the displacement of a person's ventricle walls from the template's, mm."""
    return float(np.clip(rng.normal(0, _WALL_SD_MM), -_MOST_WALL_MM, _MOST_WALL_MM))


def draw_sulci(rng: np.random.Generator, grid: Grid) -> Image:
    """Draw the change in CSF fraction of half-filled voxels on a grid."""
    field = random_field(rng, grid, spacing_mm=_SULCI_SPACING_MM, sd=_SULCI_LOCAL_SD)
    return np.asarray(rng.normal(0, _SULCI_SD) + field.on_grid(grid)[0], dtype=np.float32)


def widened(sulci: Image, atrophy_mm: float) -> Image:
    """Add the fluid of atrophy to sulci, `SULCI_PER_MM` of a voxel that is half fluid."""
    return np.asarray(sulci + np.float32(SULCI_PER_MM * atrophy_mm), dtype=np.float32)


def added_fluid(share: Image, sulci: Image) -> Image:
    """Compute the CSF a voxel gains (or loses), none for pure CSF or pure tissue.

    Parameters
    ----------
    share : ndarray
        Fluid in the template, 0 to 1.
    sulci : ndarray
        From `draw_sulci`.
    """
    gained = 4 * share * (1 - share) * sulci
    return np.asarray(np.clip(gained, -share, 1 - share), dtype=np.float32)


def ventricle_swelling(csf: NDArray[np.floating], hull: Image, grid: Grid) -> SmoothField:
    """Compute a displacement (mm) that moves half of the ventricle walls out by 1 mm or more.

    Parameters
    ----------
    csf : ndarray, shape (x, y, z)
        Fluid fraction inside the brain, on `grid`.
    hull : ndarray, shape (x, y, z)
        Signed distance in mm to the brain's hull, negative inside.
    grid : Grid
        Axis-aligned; 2 mm will do.

    Returns
    -------
    SmoothField
        Three components; falls off to 0 at 25 mm from the wall and at the edge of the lattice.

    Raises
    ------
    ValueError
        No fluid deep inside the brain.
    """
    labels, count = ndimage.label((csf > _SURE_FLUID) & (hull < -_DEPTH_MM))
    if not count:
        raise ValueError("no ventricles: no fluid deep inside the brain")
    ventricles = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    step = float(grid.voxel_mm[0])
    away = ndimage.distance_transform_edt(~ventricles) - ndimage.distance_transform_edt(ventricles)
    distance = ndimage.gaussian_filter(step * away, _SMOOTH_MM / step)
    fade = np.clip(1 - np.abs(distance) / _REACH_MM, 0, 1) ** 2
    towards = np.stack(np.gradient(distance, step)) * fade
    every = round(_SWELLING_SPACING_MM / step)
    lattice = towards[:, ::every, ::every, ::every].astype(np.float64)
    origin = np.asarray(grid.affine, dtype=np.float64)[:3, 3]
    field = _cropped(SmoothField(lattice, origin, every * step))
    wall = grid.world()[ventricles & (away >= -1)].astype(np.float64)
    return field.scaled(1 / float(np.median(np.linalg.norm(field.at(wall), axis=1))))


def _cropped(field: SmoothField) -> SmoothField:
    """Crop the lattice's margins of zeros."""
    moved = np.argwhere(np.any(field.coefficients != 0, axis=0))
    start, stop = moved.min(axis=0), moved.max(axis=0) + 1
    box = (slice(None), *(slice(a, b) for a, b in zip(start, stop, strict=True)))
    origin = field.origin_mm + start * field.spacing_mm
    return SmoothField(field.coefficients[box], origin, field.spacing_mm)
