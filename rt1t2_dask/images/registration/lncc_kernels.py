"""Local cross-correlation of two images and its gradient by the displacement, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.registration.mattes_kernels import sample
from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Mask = NDArray[np.bool_]


@compiled
def pull_image(image: F32, way: F64, field: F32, near: Mask, value: F32, slopes: F32) -> int:
    """Sample the moving image where the field displaces the fixed grid.

    Parameters
    ----------
    image : ndarray of float32, shape (x, y, z)
        Moving image, at least two voxels along each axis.
    way : ndarray, shape (3, 4)
        Fixed index to moving index.
    field : ndarray of float32, shape (3, x, y, z)
        Displacements, voxels of the fixed grid.
    near : ndarray of bool, shape of the fixed grid
        Voxels that count.
    value, slopes : ndarray of float32, shapes (x, y, z) and (3, x, y, z)
        Written: the image, NaN beyond its field of view; its gradient per voxel of the fixed grid.

    Returns
    -------
    int
        Voxels that count and are beyond the field of view.
    """
    missed = 0
    at, slope = np.empty(3), np.empty(3)
    for i in range(near.shape[0]):
        for j in range(near.shape[1]):
            for k in range(near.shape[2]):
                if not near[i, j, k]:
                    continue
                x = i + field[0, i, j, k]
                y = j + field[1, i, j, k]
                z = k + field[2, i, j, k]
                seen = True
                for a in range(3):
                    at[a] = way[a, 0] * x + way[a, 1] * y + way[a, 2] * z + way[a, 3]
                    seen = seen and 0.0 <= at[a] <= image.shape[a] - 1.0
                if not seen:
                    missed += 1
                    value[i, j, k] = np.nan
                    continue
                value[i, j, k] = sample(image, at[0], at[1], at[2], slope)
                for b in range(3):
                    slopes[b, i, j, k] = (
                        way[0, b] * slope[0] + way[1, b] * slope[1] + way[2, b] * slope[2]
                    )
    return missed


@compiled
def correlate(
    count: F32, f1: F32, f2: F32, m1: F32, m2: F32, fm: F32, least: F32, parts: F32
) -> float:
    """Average the signed squares of local correlations, and lay out the gradient of their sum.

    Parameters
    ----------
    count, f1, f2, m1, m2, fm : ndarray of float32, shape (n,)
        Sums over each voxel's window: voxels, fixed, its square, moving, its square, product.
    least : ndarray of float32, shape (3,)
        Voxels in a window, and variances of the fixed and of the moving image, below which a
        window tells nothing.
    parts : ndarray of float32, shape (3, n)
        Written: what is summed over windows in turn; the force on a voxel with values f and m is
        f sum(parts[0]) - m sum(parts[1]) - sum(parts[2]).
    """
    total, windows = 0.0, 0
    for n in range(len(count)):
        parts[0, n] = parts[1, n] = parts[2, n] = 0.0
        if count[n] < least[0]:
            continue
        fixed, moving = f1[n] / count[n], m1[n] / count[n]
        sff = f2[n] - f1[n] * fixed
        smm = m2[n] - m1[n] * moving
        if sff <= least[1] * count[n] or smm <= least[2] * count[n]:
            continue
        sfm = fm[n] - f1[n] * moving
        share = abs(sfm) / (sff * smm)
        total += sfm * share
        windows += 1
        parts[0, n] = 2.0 * share
        parts[1, n] = 2.0 * share * sfm / smm
        parts[2, n] = parts[0, n] * fixed - parts[1, n] * moving
    return total / max(windows, 1)


@compiled
def forces(fixed: F32, moving: F32, sums: F32, slopes: F32, out: F32) -> None:
    """Write the gradient of the correlation by each voxel's displacement.

    Parameters
    ----------
    fixed, moving : ndarray of float32, shape (n,)
        Images; 0 where a voxel does not count.
    sums : ndarray of float32, shape (3, n)
        Sums of the parts of :func:`correlate` over windows.
    slopes, out : ndarray of float32, shape (3, n)
    """
    for n in range(len(fixed)):
        pull = fixed[n] * sums[0, n] - moving[n] * sums[1, n] - sums[2, n]
        for a in range(3):
            out[a, n] = pull * slopes[a, n]


@compiled
def longest(field: F32) -> float:
    """Return the length of the longest vector of a field, shape (3, n)."""
    most = np.float32(0.0)
    for n in range(field.shape[1]):
        square = field[0, n] ** 2 + field[1, n] ** 2 + field[2, n] ** 2
        most = max(most, square)
    return float(np.sqrt(most))


@compiled
def follow(field: F32, step: F32, scale: float, out: F32) -> None:
    """Write the field after a step: step + field there.

    Parameters
    ----------
    field, step, out : ndarray of float32, shape (3, x, y, z)
        Displacements, voxels of the grid; extended by their edge values.
    scale : float
        The step is multiplied by this.
    """
    nx, ny, nz = field.shape[1:]
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                u, v, w = (
                    scale * step[0, i, j, k],
                    scale * step[1, i, j, k],
                    scale * step[2, i, j, k],
                )
                x = min(max(i + u, 0.0), nx - 1.0)
                y = min(max(j + v, 0.0), ny - 1.0)
                z = min(max(k + w, 0.0), nz - 1.0)
                p, q, r = int(x), int(y), int(z)
                a, b, c = x - p, y - q, z - r
                p1, q1, r1 = min(p + 1, nx - 1), min(q + 1, ny - 1), min(r + 1, nz - 1)
                for n in range(3):
                    near = (1 - b) * ((1 - c) * field[n, p, q, r] + c * field[n, p, q, r1]) + b * (
                        (1 - c) * field[n, p, q1, r] + c * field[n, p, q1, r1]
                    )
                    far = (1 - b) * ((1 - c) * field[n, p1, q, r] + c * field[n, p1, q, r1]) + b * (
                        (1 - c) * field[n, p1, q1, r] + c * field[n, p1, q1, r1]
                    )
                    out[n, i, j, k] = (1 - a) * near + a * far
                out[0, i, j, k] += u
                out[1, i, j, k] += v
                out[2, i, j, k] += w
