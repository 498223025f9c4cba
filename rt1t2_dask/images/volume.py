"""One image in memory: voxels and affine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Affine = NDArray[np.float64]
Array = NDArray[Any]


@dataclass(frozen=True)
class Grid:
    """A voxel grid in space.

    Parameters
    ----------
    shape : tuple of int
        Voxels along x, y, z.
    affine : ndarray, shape (4, 4)
        Voxel index (x, y, z, 1) to world mm, RAS+ (nibabel's convention).
    """

    shape: tuple[int, int, int]
    affine: Affine

    @property
    def voxel_mm(self) -> NDArray[np.float64]:
        """Edge lengths of a voxel in mm, shape (3,)."""
        columns = np.asarray(self.affine, dtype=np.float64)[:3, :3]
        return np.asarray(np.linalg.norm(columns, axis=0), dtype=np.float64)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of a voxel in mm^3."""
        return float(abs(np.linalg.det(np.asarray(self.affine)[:3, :3])))

    def world(self) -> NDArray[np.float32]:
        """Return world coordinates of every voxel centre in mm, shape (x, y, z, 3)."""
        index = np.stack(np.meshgrid(*map(np.arange, self.shape), indexing="ij"), axis=-1)
        affine = np.asarray(self.affine, dtype=np.float64)
        return (index @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)

    def same_as(self, other: Grid, tolerance_mm: float = 1e-3) -> bool:
        """Whether both grids have one shape and one affine within a tolerance in mm."""
        return self.shape == other.shape and bool(
            np.allclose(self.affine, other.affine, atol=tolerance_mm)
        )


@dataclass(frozen=True)
class Volume:
    """A 3-D image.

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
        Voxel values, indexed as nibabel does; masks are boolean.
    affine : ndarray, shape (4, 4)
        Voxel index to world mm, RAS+.
    """

    data: Array
    affine: Affine

    @property
    def grid(self) -> Grid:
        """The voxel grid."""
        x, y, z = self.data.shape
        return Grid((x, y, z), self.affine)

    def with_data(self, data: Array) -> Volume:
        """Return other values on the same grid."""
        return replace(self, data=data)
