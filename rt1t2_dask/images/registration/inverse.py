"""Invert a deformation field and sample template maps in a person's space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.resample_kernels import carry_points, sample_points, step_inverse
from rt1t2_dask.images.transform import Points, Warp, inverse, move
from rt1t2_dask.images.volume import Grid, Volume

F32 = NDArray[np.float32]

_ROUNDS = 8
_CLOSE_VOXELS = 0.05


def read_at(
    images: Sequence[Volume], warp: Warp, grid: Grid, inside: NDArray[np.bool_]
) -> list[F32]:
    """Sample template images at voxels of a person's grid.

    Parameters
    ----------
    images : sequence of Volume
        In template space.
    warp : Warp
        Template to subject, as `images.normalise.to_template` gives.
    grid : Grid
        In the subject's space.
    inside : ndarray of bool, shape of `grid`
        Which of its voxels.

    Returns
    -------
    list of ndarray of float32, shape (voxel,)
        Linear interpolation; 0 beyond an image. Voxels in C order.
    """
    points = template_points(warp, grid, inside)
    return [_linear(image.data, move(inverse(image.affine), points)) for image in images]


def template_points(warp: Warp, grid: Grid, inside: NDArray[np.bool_]) -> Points:
    """Return the template coordinates of a person's voxels, mm, shape (voxel, 3)."""
    voxels = np.argwhere(inside)
    straight = inverse(warp.affine) @ grid.affine
    if warp.displacement is None or warp.grid is None:
        return move(straight, voxels)
    back = inverted(warp.displacement, warp.grid)
    points = np.empty(voxels.shape)
    to_field = inverse(warp.grid.affine) @ straight
    ways = (np.ascontiguousarray(matrix[:3]) for matrix in (straight, to_field))
    carry_points(voxels, next(ways), back, next(ways), points)
    return points


def inverted(displacement: F32, grid: Grid) -> F32:
    """Invert a displacement field: v(q) = -u(q + v(q)).

    Parameters
    ----------
    displacement : ndarray, shape (x, y, z, 3)
        u in mm at the voxel centres of `grid`; its gradient stays under 1 (no folding).

    Returns
    -------
    ndarray of float32, shape (x, y, z, 3)

    Notes
    -----
    Fixed-point iteration (Chen et al. 2008, Med Phys 35:81) until no voxel moves by more than a
    twentieth of a voxel, at most 8 times.
    """
    scale = np.ascontiguousarray(inverse(grid.affine)[:3, :3])
    field = np.ascontiguousarray(displacement, np.float32)
    found, new = -field, np.empty_like(field)
    for _ in range(_ROUNDS):
        moved = step_inverse(field, scale, found, new)
        found, new = new, found
        if moved < _CLOSE_VOXELS:
            break
    return found


def jacobian(displacement: F32, grid: Grid) -> F32:
    """Return the Jacobian determinant of p -> p + u(p), without the affine.

    Parameters
    ----------
    displacement : ndarray, shape (x, y, z, 3)
        u in mm at the voxel centres of `grid`.

    Returns
    -------
    ndarray of float32, shape (x, y, z)
        1 without change; at most 0 where the field folds.

    Notes
    -----
    Central differences, one-sided at the edges.
    """
    scale = inverse(grid.affine)[:3, :3]
    steps = [np.gradient(displacement, axis=k) for k in range(3)]
    by_index = np.stack(steps, axis=-1)
    return np.asarray(np.linalg.det(np.eye(3) + by_index @ scale), dtype=np.float32)


def _linear(data: NDArray[np.generic], index: Points) -> F32:
    values = np.empty(len(index), np.float32)
    sample_points(np.ascontiguousarray(data, np.float32), np.ascontiguousarray(index), values)
    return values
