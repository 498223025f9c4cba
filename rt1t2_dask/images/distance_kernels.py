"""Squared distances to the nearest marked voxel along lines of a volume, compiled."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
BLOCK: Final = 16


@compiled
def along_lines(mask: NDArray[np.bool_], step: float, out: F32) -> None:
    """Write the squared distance to the nearest marked voxel of each row, infinite without one.

    Parameters
    ----------
    mask : ndarray of bool, shape (row, column)
    step : float
        Distance of columns, mm.
    out : ndarray of float32, shape (row, column)
    """
    rows, columns = mask.shape
    for i in range(rows):
        since = np.inf
        for j in range(columns):
            since = 0.0 if mask[i, j] else since + step
            out[i, j] = since * since
        since = np.inf
        for j in range(columns - 1, -1, -1):
            since = 0.0 if mask[i, j] else since + step
            out[i, j] = min(out[i, j], np.float32(since * since))


@compiled
def across_rows(squared: F32, step: float) -> None:
    """Add the distance across rows to squared distances along columns, in place.

    Parameters
    ----------
    squared : ndarray of float32, shape (row, column)
        Within each row.
    step : float
        Distance of rows, mm.

    Notes
    -----
    Lower envelope of parabolas (Felzenszwalb and Huttenlocher 2012, Theory Comput 8:415).
    """
    rows, columns = squared.shape
    lines = np.empty((BLOCK, rows))
    apex, edge = np.empty(rows, np.int64), np.empty(rows + 1)
    for start in range(0, columns, BLOCK):
        width = min(BLOCK, columns - start)
        for i in range(rows):
            for j in range(width):
                lines[j, i] = squared[i, start + j]
        for j in range(width):
            last = envelope(lines[j], step, apex, edge)
            if last < 0:
                continue
            k = 0
            for i in range(rows):
                while k < last and edge[k + 1] < i:
                    k += 1
                away = step * (i - apex[k])
                squared[i, start + j] = away * away + lines[j, apex[k]]


@compiled
def envelope(line: F64, step: float, apex: NDArray[np.int64], edge: F64) -> int:
    """Write the parabolas of a line's lower envelope and where each begins; return the last one.

    Parameters
    ----------
    line : ndarray, shape (n,)
        Heights at whole places; infinite where there is no parabola.
    step : float
        Distance of places.
    apex, edge : ndarray, shapes (n,) and (n + 1,)
        Written.

    Returns
    -------
    int
        -1 without any.
    """
    last = -1
    square = step * step
    for i in range(len(line)):
        if line[i] == np.inf:
            continue
        begin = -np.inf
        while last >= 0:
            other = apex[last]
            rise = (line[i] - line[other]) / square + float(i * i - other * other)
            begin = rise / (2.0 * (i - other))
            if begin > edge[last]:
                break
            last -= 1
            begin = -np.inf
        last += 1
        apex[last] = i
        edge[last] = begin
    return last
