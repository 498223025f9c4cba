"""Planes through images, sampled in world millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.volume import Array, Volume

AXES = ("sagittal", "coronal", "axial")
"""Names of planes by their perpendicular world axis (x, y, z)."""

_NEIGHBOURS_18 = ndimage.generate_binary_structure(3, 2)


@dataclass(frozen=True)
class Box:
    """A box in world space.

    Parameters
    ----------
    low, high : ndarray, shape (3,)
        Corners in mm, RAS+.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """A plane perpendicular to one world axis.

    Parameters
    ----------
    axis : int
        0 sagittal, 1 coronal, 2 axial.
    at_mm : float
        Position along that axis.
    box : Box
        Box to show.
    step_mm : float
        Sample spacing.
    """

    axis: int
    at_mm: float
    box: Box
    step_mm: float = 1.0

    @property
    def in_plane(self) -> tuple[int, int]:
        """World axes shown horizontally and vertically, increasing to the right and up."""
        first, second = (axis for axis in range(3) if axis != self.axis)
        return first, second

    @property
    def ticks_mm(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions of the samples along the horizontal and the vertical, in mm."""
        across, up = self.in_plane
        return self._along(across), self._along(up)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top in mm, half a step beyond the outer samples."""
        across, up = self.ticks_mm
        half = self.step_mm / 2
        return (
            float(across[0] - half),
            float(across[-1] + half),
            float(up[0] - half),
            float(up[-1] + half),
        )

    def sample(self, volume: Volume, order: int = 0) -> NDArray[np.float64]:
        """Return the values on the plane, shape (up, across); NaN outside the image.

        Parameters
        ----------
        volume : Volume
        order : int
            0 nearest voxel (statistics, masks), 1 linear (anatomy).
        """
        return values_at(volume, self.world(), order)

    def world(self) -> NDArray[np.float64]:
        """Return the world coordinates of every sample, shape (3, up, across)."""
        across, up = self.ticks_mm
        world = np.empty((3, up.size, across.size))
        world[self.axis] = self.at_mm
        world[self.in_plane[0]], world[self.in_plane[1]] = np.meshgrid(across, up)
        return world

    def _along(self, axis: int) -> NDArray[np.float64]:
        count = int(np.floor((self.box.high[axis] - self.box.low[axis]) / self.step_mm)) + 1
        return np.asarray(self.box.low[axis] + self.step_mm * np.arange(count))


def values_at(volume: Volume, world: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Return an image's values at points in mm, shape (3, ...); NaN outside the image."""
    inverse = np.linalg.inv(np.asarray(volume.affine, dtype=np.float64))
    index = np.tensordot(inverse[:3, :3], world, axes=1)
    index += inverse[:3, 3].reshape(3, *[1] * (world.ndim - 1))
    data = volume.data.astype(np.uint8) if volume.data.dtype == bool else volume.data
    values = ndimage.map_coordinates(data, index, output=np.float64, order=order, cval=np.nan)
    return np.asarray(values, dtype=np.float64)


def box_round(mask: Array, affine: Array, margin_mm: float = 4.0) -> Box:
    """Return the bounding box of a mask, shape (x, y, z), in world mm."""
    inside = mask if np.any(mask) else np.ones_like(mask, dtype=bool)
    along = [np.flatnonzero(inside.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    corners = np.array(np.meshgrid(*((found[0], found[-1]) for found in along))).reshape(3, -1)
    affine = np.asarray(affine, dtype=np.float64)
    world = affine[:3, :3] @ corners + affine[:3, 3:]
    return Box(np.floor(world.min(1) - margin_mm), np.ceil(world.max(1) + margin_mm))


def supra_threshold(t_map: Volume, u: float, extent_mm3: float) -> Volume:
    """Mask t to suprathreshold clusters of each sign; NaN elsewhere.

    Parameters
    ----------
    t_map : Volume
        t; NaN outside the analysis.
    u : float
        Height; t must be above it strictly.
    extent_mm3 : float
        Smallest cluster, 18-connected voxels as in SPM.
    """
    smallest = extent_mm3 / t_map.grid.voxel_volume_mm3
    kept = np.zeros(t_map.data.shape, dtype=bool)
    for sign in (1, -1):
        above = np.nan_to_num(sign * t_map.data) > u
        labels, _ = ndimage.label(above, structure=_NEIGHBOURS_18)
        large = np.bincount(labels.ravel()) >= smallest - 1e-6
        large[0] = False
        kept |= large[labels]
    return t_map.with_data(np.where(kept, t_map.data, np.nan))
