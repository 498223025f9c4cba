"""Small linear algebra per voxel, reproducible to the bit for any block size.

BLAS may order its sums by the shape of the block; these loops add row after row, so a voxel's bits
do not depend on its block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
BLOCK = 4096
DEGENERATE = 1e-10


def blocks(voxels: int, size: int = BLOCK) -> Iterator[slice]:
    """Yield slices that cover the voxels."""
    for start in range(0, voxels, size):
        yield slice(start, min(start + size, voxels))


def total(rows: Float) -> Float:
    """Sum over the first axis, row after row; shape (row, ...) to (...)."""
    out: Float = rows[0].copy()
    for row in rows[1:]:
        out += row
    return out


def combine(weights: Float, rows: Float) -> Float:
    """Compute weighted sums of rows: (k, row) and (row, voxel) to (k, voxel).

    Weights may also differ by voxel, shape (k, row, voxel).
    """
    width = np.broadcast_shapes(weights.shape[2:], rows.shape[1:])
    out = np.zeros((weights.shape[0], *width))
    for k in range(weights.shape[0]):
        for i in range(rows.shape[0]):
            out[k] += weights[k, i] * rows[i]
    return out


def pseudo_inverse(gram: Float, tolerance: float = 1e-10) -> tuple[Float, NDArray[np.intp]]:
    """Compute inverse and rank of symmetric matrices of shape (p, p, voxel).

    Directions with an eigenvalue under ``tolerance`` are left out; the gram
    matrices are those of orthonormal columns, so eigenvalues lie in [0, 1].
    """
    values, vectors = np.linalg.eigh(np.moveaxis(gram, -1, 0))
    kept = values > tolerance
    reciprocal = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    size = gram.shape[0]
    inverse = np.zeros_like(gram)
    for i in range(size):
        for j in range(size):
            for k in range(size):
                inverse[i, j] += vectors[:, i, k] * reciprocal[:, k] * vectors[:, j, k]
    return inverse, kept.sum(axis=1)


def orthonormal(columns: Float) -> tuple[Float, NDArray[np.int64]]:
    """Orthonormalise over the first axis, shape (column, participant, voxel); return the rank.

    A column that depends on those before it becomes 0.
    """
    out = np.zeros_like(columns)
    for k in range(len(columns)):
        left = columns[k].copy()
        size = total(left**2)
        for _ in range(2):
            for j in range(k):
                left -= total(left * out[j]) * out[j]
        square = total(left**2)
        scale = np.where(square > DEGENERATE * size, square, np.inf) ** -0.5
        out[k] = left * scale
    return out, (total(np.moveaxis(out**2, 1, 0)) > 0.5).sum(axis=0)
