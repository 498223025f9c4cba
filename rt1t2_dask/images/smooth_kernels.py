"""Separable symmetric convolution of volumes with zeros outside, compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]
WIDTH: Final = 256


@compiled
def along_rows(data: F32, half: F32, out: F32) -> None:
    """Convolve the first axis of (row, column) with half[|k|], zeros beyond the ends.

    Parameters
    ----------
    data, out : ndarray of float32, shape (row, column)
        Not the same memory.
    half : ndarray of float32, shape (radius + 1,)
        The kernel from its centre on.
    """
    rows, columns = data.shape
    radius = half.shape[0] - 1
    padded = np.zeros((rows + 2 * radius, WIDTH), np.float32)
    total = np.empty(WIDTH, np.float32)
    for start in range(0, columns, WIDTH):
        width = min(WIDTH, columns - start)
        padded[radius : radius + rows, :width] = data[:, start : start + width]
        for i in range(radius, radius + rows):
            centre = padded[i]
            for j in range(WIDTH):
                total[j] = half[0] * centre[j]
            for k in range(1, radius + 1):
                weight, before, after = half[k], padded[i - k], padded[i + k]
                for j in range(WIDTH):
                    total[j] += weight * (before[j] + after[j])
            out[i - radius, start : start + width] = total[:width]


@compiled
def along_columns(data: F32, half: F32, out: F32) -> None:
    """Convolve the last axis of (row, column); see :func:`along_rows`."""
    rows, columns = data.shape
    radius = half.shape[0] - 1
    line = np.zeros(columns + 2 * radius, np.float32)
    total = np.empty(columns, np.float32)
    for i in range(rows):
        line[radius : radius + columns] = data[i]
        for j in range(columns):
            total[j] = half[0] * line[radius + j]
        for k in range(1, radius + 1):
            weight = half[k]
            before, after = line[radius - k :], line[radius + k :]
            for j in range(columns):
                total[j] += weight * (before[j] + after[j])
        out[i] = total


@dataclass
class Separable:
    """A symmetric separable kernel for volumes of one shape, applied in place.

    Parameters
    ----------
    half : ndarray of float32, shape (radius + 1,)
        The kernel of every axis from its centre on; zeros beyond the ends.
    shape : tuple of int
    at_ends : tuple of ndarray, shape (n,) of each axis, optional
        The result is multiplied by these: for weights that sum to 1 near the ends too.
    """

    half: F32
    shape: tuple[int, ...]
    at_ends: tuple[F32, ...] = ()

    def __post_init__(self) -> None:
        self._first, self._second = (
            np.empty(self.shape, np.float32),
            np.empty(self.shape, np.float32),
        )

    @classmethod
    def box(cls, shape: tuple[int, ...], radius: int) -> Separable:
        """Return the sum over a cube of 2 radius + 1 voxels."""
        return cls(np.ones(radius + 1, np.float32), shape)

    @classmethod
    def gaussian(cls, shape: tuple[int, ...], sigma: float, reach: float) -> Separable:
        """Return a Gaussian mean; sigma in voxels, cut off at so many of them."""
        half = np.exp(-0.5 * (np.arange(int(np.ceil(reach * sigma)) + 1) / sigma) ** 2)
        whole = np.concatenate([half[:0:-1], half])
        ends = [ndimage.convolve1d(np.ones(n), whole, mode="constant") for n in shape]
        middle = half / whole.sum()
        return cls(
            middle.astype(np.float32),
            shape,
            tuple((whole.sum() / each).astype(np.float32) for each in ends),
        )

    def apply(self, volume: F32) -> None:
        """Convolve a contiguous volume of this shape in place."""
        x, y, z = self.shape
        along_rows(volume.reshape(x, y * z), self.half, self._first.reshape(x, y * z))
        for slab, out in zip(self._first, self._second, strict=True):
            along_rows(slab, self.half, out)
        along_columns(self._second.reshape(x * y, z), self.half, volume.reshape(x * y, z))
        for axis, weights in enumerate(self.at_ends):
            lines = np.moveaxis(volume, axis, -1)
            for end in (slice(None, len(self.half) - 1), slice(1 - len(self.half), None)):
                lines[..., end] *= weights[end]
