"""Geometry of CSF, skull, scalp, face, eyes and neck round a template brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, distance_transform_edt

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.lattice import grid_axes, random_field

Mask = NDArray[np.bool_]
Field = NDArray[np.float32]
Shapes = tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]

_SEED = 20250422
_HULL_CLOSING_MM = 12.0
_CSF_MM = 1.5
_BONE_MM, _BONE_SD_MM = 6.5, 0.8
_SCALP_MM, _SCALP_SD_MM = 8.0, 1.2
_CORD_FROM_Z_MM = -66.0

# Centre and semi-axes in mm (MNI x, y, z): our approximate face and neck, set by eye.
_FACE = ((0.0, 42.0, -58.0), (58.0, 44.0, 62.0))
_NOSE = ((0.0, 88.0, -52.0), (13.0, 18.0, 20.0))
_NECK = ((0.0, -34.0), (56.0, 62.0))
_NECK_BELOW_Z_MM = -38.0
_EYES = (((-32.0, 60.0, -38.0), (12.5,) * 3), ((32.0, 60.0, -38.0), (12.5,) * 3))
# Centre and standard deviations in mm (y, z) of the temporal muscle's bump: also our approximation.
_TEMPLE, _TEMPLE_FROM_X_MM = ((8.0, -12.0), (24.0, 24.0)), 40.0
_AIRWAYS = (
    ((0.0, 60.0, -60.0), (9.0, 22.0, 18.0)),
    ((-24.0, 56.0, -66.0), (11.0, 14.0, 13.0)),
    ((24.0, 56.0, -66.0), (11.0, 14.0, 13.0)),
    ((0.0, 14.0, -92.0), (10.0, 9.0, 34.0)),
)


@dataclass(frozen=True)
class HeadParts:
    """Disjoint masks of the head; the rest is air.

    `depth_mm` is the distance below the scalp's outer surface, valid in `soft`.
    """

    brain: Mask
    outer_csf: Mask
    cord: Mask
    bone: Mask
    eyes: Mask
    soft: Mask
    depth_mm: Field


def label_head(brain: Mask, grid: Grid) -> HeadParts:
    """Label every voxel of the padded 1 mm grid from the distance to the brain's smooth hull."""
    cord = cord_below(brain, grid)
    hull = _hull_distance(brain | cord)
    rng = np.random.default_rng(_SEED)
    bone_end = _CSF_MM + _thickness(rng, grid, _BONE_MM, _BONE_SD_MM)
    scalp_end = bone_end + _thickness(rng, grid, _SCALP_MM, _SCALP_SD_MM)
    scalp_end = _round_base(scalp_end, bone_end, grid)
    outside_mm = np.minimum(hull - scalp_end, _face_and_neck(grid))
    free = ~(brain | cord)
    outer_csf = free & (hull <= _CSF_MM)
    eyes = free & (hull > _CSF_MM + 2) & _any_ellipsoid(grid, _EYES)
    bone = free & ~outer_csf & ~eyes & (hull <= bone_end)
    airway = _any_ellipsoid(grid, _AIRWAYS)
    soft = free & ~outer_csf & ~eyes & ~bone & ~airway & (outside_mm <= 0)
    return HeadParts(brain, outer_csf, cord, bone, eyes, soft, -outside_mm)


@dataclass(frozen=True)
class Surfaces:
    """Signed distances in mm (negative inside) that define a person's head.

    `hull` is measured from the brain's smooth hull, inside and outside; `muscle` is the share (0
    to 1) of the full thickness of the temporal muscle.
    """

    grid: Grid
    hull: Field
    face: Field
    eyes: Field
    airways: Field
    muscle: Field


def surfaces(brain: Mask, grid: Grid) -> Surfaces:
    """Compute the distances that define every layer of a head, on 2 mm voxels.

    Parameters
    ----------
    brain : ndarray of bool
        Brain mask on the padded 1 mm grid.
    grid : Grid
        That grid.
    """
    coarse = coarse_grid(grid)
    return Surfaces(
        grid=coarse,
        hull=_coarse_hull(brain | cord_below(brain, grid)),
        face=_face_and_neck(coarse),
        eyes=_nearest_ellipsoid(coarse, _EYES),
        airways=_nearest_ellipsoid(coarse, _AIRWAYS),
        muscle=_temporal_muscle(coarse),
    )


def coarse_grid(grid: Grid) -> Grid:
    """Return the grid of every second voxel."""
    x, y, z = (-(-n // 2) for n in grid.shape)
    return Grid((x, y, z), np.asarray(grid.affine) @ np.diag([2.0, 2.0, 2.0, 1.0]))


def ellipsoid_distance(
    grid: Grid, centre: tuple[float, ...], axes: tuple[float, ...]
) -> NDArray[np.float32]:
    """Approximate the signed distance in mm to an ellipsoid, negative inside."""
    squares = [
        ((axis - c) / a) ** 2 for axis, c, a in zip(grid_axes(grid), centre, axes, strict=True)
    ]
    radius = np.sqrt(squares[0][:, None, None] + squares[1][:, None] + squares[2])
    return ((radius - 1) * min(axes)).astype(np.float32)


def cord_below(brain: Mask, grid: Grid) -> Mask:
    """Continue the lowest full slice of the brain stem down to the edge of the grid."""
    z = grid_axes(grid)[2]
    slice_index = int(np.searchsorted(z, _CORD_FROM_Z_MM))
    column = brain[:, :, slice_index][:, :, None] & (z < _CORD_FROM_Z_MM)
    return np.asarray(column & ~brain)


def _hull_distance(core: Mask) -> Field:
    """Interpolate the coarse distance to every voxel."""
    return np.asarray(
        affine_transform(
            _coarse_hull(core), np.full(3, 0.5), output_shape=core.shape, order=1, mode="nearest"
        )
    )


def _coarse_hull(core: Mask) -> Field:
    """Compute the signed distance in mm to the closed core, on 2 mm voxels (fast and smooth)."""
    coarse = core[::2, ::2, ::2]
    grown = 2 * distance_transform_edt(~coarse) <= _HULL_CLOSING_MM
    hull = 2 * distance_transform_edt(grown) > _HULL_CLOSING_MM
    # The cord continues below the grid, so its lower edge is not a surface.
    distance = 2 * (distance_transform_edt(~hull) - distance_transform_edt(hull))
    return np.asarray(distance, dtype=np.float32)


def _thickness(rng: np.random.Generator, grid: Grid, mean: float, sd: float) -> Field:
    field = random_field(rng, grid, spacing_mm=30, sd=sd).on_grid(grid)[0]
    return np.asarray(np.clip(mean + field, mean - 2 * sd, mean + 2 * sd), dtype=np.float32)


def _round_base(scalp_end: Field, bone_end: Field, grid: Grid) -> Field:
    """Thin the scalp to nothing below the brain, where face and neck take over."""
    z = grid_axes(grid)[2]
    kept = np.clip((z + 70) / 25, 0, 1).astype(np.float32)
    return np.asarray(bone_end + (scalp_end - bone_end) * kept)


def _face_and_neck(grid: Grid) -> Field:
    x, y, z = grid_axes(grid)
    (cx, cy), (ax, ay) = _NECK
    radius = np.sqrt(((x[:, None] - cx) / ax) ** 2 + ((y - cy) / ay) ** 2)
    side = ((radius - 1) * ax)[:, :, None]
    neck = np.maximum(side, z - _NECK_BELOW_Z_MM).astype(np.float32)
    face = np.minimum(ellipsoid_distance(grid, *_FACE), ellipsoid_distance(grid, *_NOSE))
    return np.minimum(neck, face)


def _temporal_muscle(grid: Grid) -> Field:
    """Return the fraction of full muscle thickness: a bump over each temple."""
    x, y, z = grid_axes(grid)
    (cy, cz), (ay, az) = _TEMPLE
    over = np.exp(-0.5 * (((y - cy) / ay)[:, None] ** 2 + ((z - cz) / az) ** 2))
    side = np.clip((np.abs(x) - _TEMPLE_FROM_X_MM) / 10, 0, 1)
    return np.asarray(side[:, None, None] * over, dtype=np.float32)


def _any_ellipsoid(grid: Grid, shapes: Shapes) -> Mask:
    return np.asarray(_nearest_ellipsoid(grid, shapes) <= 0)


def _nearest_ellipsoid(grid: Grid, shapes: Shapes) -> Field:
    nearest = np.minimum.reduce([ellipsoid_distance(grid, *shape) for shape in shapes])
    return np.asarray(nearest, dtype=np.float32)
