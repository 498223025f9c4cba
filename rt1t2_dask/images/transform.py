"""Maps between spaces: 4x4 world matrices in RAS mm, and the warp from template to subject."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.volume import Affine, Array, Grid

Points = NDArray[np.float64]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def move(matrix: Affine, xyz: Array) -> Points:
    """Apply a 4x4 matrix to points, shape (..., 3), mm."""
    return np.asarray(xyz @ matrix[:3, :3].T + matrix[:3, 3], dtype=np.float64)


def compose(*matrices: Affine) -> Affine:
    """Return the matrix that applies `matrices` in order, first to last."""
    total: Affine = np.eye(4)
    for matrix in matrices:
        total = np.asarray(matrix, dtype=np.float64) @ total
    return total


def inverse(matrix: Affine) -> Affine:
    """Return the inverse of a 4x4 matrix."""
    return np.asarray(np.linalg.inv(np.asarray(matrix, dtype=np.float64)), dtype=np.float64)


def flip_lps(matrix: Affine) -> Affine:
    """Convert a 4x4 matrix between RAS (ours) and LPS (ITK) world coordinates; its own inverse."""
    return np.asarray(_RAS_TO_LPS @ matrix @ _RAS_TO_LPS, dtype=np.float64)


def rotation(degrees: tuple[float, float, float]) -> Affine:
    """Return the rotation Rz Ry Rx about the x, y and z axes by angles in degrees, shape (4, 4)."""
    total: Affine = np.eye(4)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        step = np.eye(4)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        step[i, i] = step[j, j] = np.cos(angle)
        step[j, i] = np.sin(angle)
        step[i, j] = -step[j, i]
        total = step @ total
    return total


def translation(shift_mm: Array | tuple[float, float, float]) -> Affine:
    """Return the shift by a vector in mm, shape (4, 4)."""
    matrix: Affine = np.eye(4)
    matrix[:3, 3] = shift_mm
    return matrix


def about(matrix: Affine, centre_mm: Array) -> Affine:
    """Apply a matrix about a centre (mm) instead of the world origin."""
    return compose(translation(-np.asarray(centre_mm)), matrix, translation(centre_mm))


@dataclass(frozen=True)
class Warp:
    """Deformation field from template to subject: p -> affine @ (p + u(p)).

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        Template mm to subject mm, RAS.
    displacement : ndarray, shape (x, y, z, 3), optional
        u in RAS mm at the voxel centres of `grid`, float32; None for an affine warp.
    grid : Grid, optional
        Grid of `displacement`, in template space.
    """

    affine: Affine
    displacement: NDArray[np.float32] | None = None
    grid: Grid | None = None

    def __post_init__(self) -> None:
        shape = None if self.displacement is None else self.displacement.shape
        expected = None if self.grid is None else (*self.grid.shape, 3)
        if shape != expected:
            raise ValueError(f"The displacement has shape {shape}; its grid has {expected}.")

    def points(self, xyz: Array) -> Points:
        """Map template points, shape (..., 3) in mm, to the subject.

        The displacement is interpolated linearly and extended by its edge values.
        """
        return move(self.affine, np.asarray(xyz) + self._displacement_at(xyz))

    def _displacement_at(self, xyz: Array) -> Points:
        if self.displacement is None or self.grid is None:
            return np.zeros(np.shape(xyz), dtype=np.float64)
        index = np.moveaxis(move(inverse(self.grid.affine), xyz), -1, 0)
        sampled = [
            ndimage.map_coordinates(
                self.displacement[..., axis], index, output=np.float64, order=1, mode="nearest"
            )
            for axis in range(3)
        ]
        return np.stack(sampled, axis=-1)
