"""Thick 2-D slices: average fine layers through each slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid

MOST_SLICE_MM = 6.0


@dataclass(frozen=True)
class Slices:
    """The slice geometry of a scan.

    Parameters
    ----------
    voxel_mm : float
        In plane.
    step_mm : float
        Between rendered layers, at most `voxel_mm`.
    layers : int
        Rendered layers per slice; 1 for isotropic voxels.
    """

    voxel_mm: float
    step_mm: float
    layers: int

    @staticmethod
    def of(voxel_mm: float, slice_mm: float | None) -> Slices:
        """Divide each slice into the fewest layers no thicker than a voxel.

        Raises
        ------
        ValueError
            Slices thinner than `voxel_mm` or thicker than 6 mm.
        """
        if slice_mm is None:
            return Slices(voxel_mm, voxel_mm, 1)
        if not voxel_mm <= slice_mm <= MOST_SLICE_MM:
            limits = f"voxel_mm ({voxel_mm:g}) to {MOST_SLICE_MM:g}"
            raise ValueError(f"slice_mm must lie in {limits}, got {slice_mm:g}")
        layers = int(np.ceil(slice_mm / voxel_mm))
        return Slices(voxel_mm, slice_mm / layers, layers)

    def fine_grid(self, head: Grid, shift: float) -> Grid:
        """Cover the head's box with whole slices of layers, its corner moved by `shift` mm."""
        step = np.array([self.voxel_mm, self.voxel_mm, self.step_mm])
        size = np.array([1, 1, self.layers])
        x, y, z = (int(n) for n in np.ceil(np.array(head.shape) / (step * size)) * size)
        affine = np.diag([*step, 1.0])
        affine[:3, 3] = np.asarray(head.affine)[:3, 3] + shift
        return Grid((x, y, z), affine)

    def thick_grid(self, fine: Grid) -> Grid:
        """Return the grid of the slices; each lies at the middle of its layers."""
        affine = np.asarray(fine.affine, dtype=np.float64).copy()
        affine[2, 3] += self.step_mm * (self.layers - 1) / 2
        affine[2, 2] *= self.layers
        x, y, z = fine.shape
        return Grid((x, y, z // self.layers), affine)

    def averaged(self, image: NDArray[np.floating]) -> NDArray[np.float32]:
        """Average the layers of each slice.

        The slice profile is its thickness with edges blurred by a voxel, as every layer already is.
        """
        if self.layers == 1:
            return np.asarray(image, dtype=np.float32)
        x, y, z = image.shape
        layers = image.reshape(x, y, z // self.layers, self.layers)
        return np.asarray(layers.mean(axis=-1), dtype=np.float32)
