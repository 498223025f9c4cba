"""Separable symmetric convolution of volumes with zeros outside, compiled."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

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
