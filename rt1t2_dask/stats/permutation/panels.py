"""Permuted rows in the memory layout of the kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.permutation.exchange import Orders
from rt1t2_dask.stats.permutation.kernels import F32, GROUP
from rt1t2_dask.stats.permutation.microkernel import ROWS

Float = NDArray[np.float64]


def permuted(columns: Float, orders: Orders) -> Float:
    """Return the permuted columns, shape (permutation, column, participant)."""
    flipped = orders < 0
    moved = np.moveaxis(columns[:, np.where(flipped, ~orders, orders)], 0, 1)
    return np.where(flipped[:, None], -moved, moved)


def panels(rows: F32) -> F32:
    """Pad (permutation, column, term) to groups and lay each out for the kernel."""
    count, columns, terms = rows.shape
    size = min(count, GROUP)
    groups, panels = -(-count // size), -(-size * columns // ROWS)
    padded = np.zeros((groups * size, columns, terms), np.float32)
    padded[:count] = rows
    out = np.zeros((groups, panels * ROWS, terms), np.float32)
    out[:, : size * columns] = padded.reshape(groups, size * columns, terms)
    return np.ascontiguousarray(out.reshape(groups, panels, ROWS, terms).swapaxes(2, 3))
