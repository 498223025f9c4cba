"""Explained shares of the voxels of a block under given relabelings."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.stats.exchange import Orders
from rt1t2_dask.stats.microkernel import ROWS
from rt1t2_dask.stats.permutation_kernels import F32, GROUP, WIDTH, fill_maps, scan_partial
from rt1t2_dask.stats.residuals import Residuals


def permuted_weights(left: Residuals, orders: Orders, smith: bool) -> F32:
    """Rows to multiply residuals with, in panels: (group, panel, term, ROWS)."""
    flipped = orders < 0
    permuted = np.moveaxis(left.columns[:, np.where(flipped, ~orders, orders)], 0, 1)
    permuted = np.where(flipped[:, None], -permuted, permuted)
    if smith:
        regressor = permuted[:, 0] - (permuted[:, 0] @ left.columns[1:].T) @ left.columns[1:]
        permuted = (regressor / np.linalg.norm(regressor, axis=1, keepdims=True))[:, None]
    rows = permuted @ left.basis.T
    return _panels(rows.astype(np.float32))


def _panels(rows: F32) -> F32:
    """Pad (permutation, column, term) to groups and lay each out for the kernel."""
    count, columns, terms = rows.shape
    size = min(count, GROUP)
    groups, panels = -(-count // size), -(-size * columns // ROWS)
    padded = np.zeros((groups * size, columns, terms), np.float32)
    padded[:count] = rows
    out = np.zeros((groups, panels * ROWS, terms), np.float32)
    out[:, : size * columns] = padded.reshape(groups, size * columns, terms)
    return np.ascontiguousarray(out.reshape(groups, panels, ROWS, terms).swapaxes(2, 3))


def columns_of(left: Residuals, smith: bool) -> tuple[int, int]:
    """Regressors, and all columns, that one permutation multiplies."""
    return (1, 1) if smith else (left.regressors, len(left.columns))


def whole_shares(left: Residuals, orders: Orders, smith: bool) -> F32:
    """Signed u where nobody is missing, shape (permutation, voxel padded)."""
    maps = np.empty((len(orders), left.whole.shape[0] * WIDTH), np.float32)
    weights = permuted_weights(left, orders, smith)
    fill_maps(left.whole, weights, len(orders), *columns_of(left, smith), maps)
    return maps


def partial_shares(left: Residuals, voxels: slice, orders: Orders, smith: bool) -> F32:
    """Signed u of voxels that miss participants, shape (voxel, permutation)."""
    residuals = left.partial[voxels]
    scores = np.empty((len(residuals), len(orders)), np.float32)
    columns, present = left.partial_columns[voxels], left.partial_present[voxels]
    scan_partial(residuals, columns, left.regressors, present, orders, smith, scores)
    return scores
