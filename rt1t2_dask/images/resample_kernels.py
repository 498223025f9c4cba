"""Sampling of an image on a grid through a deformation field, voxel by voxel, compiled."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
HALF: Final = 0.5


@compiled
def place_of(
    i: int, j: int, k: int, way: F64, field: F32, field_way: F64, turn: F64, at: F64, shift: F64
) -> None:
    """Write the index in an image of a voxel of the grid, moved by the field there.

    Parameters
    ----------
    i, j, k : int
        Voxel of the grid.
    way : ndarray, shape (3, 4)
        Grid index to image index, without the field.
    field : ndarray of float32, shape (x, y, z, 3)
        Displacements in mm, extended by their edge values; without voxels: none.
    field_way : ndarray, shape (3, 4)
        Grid index to field index.
    turn : ndarray, shape (3, 3)
        Displacement in mm to image index.
    at, shift : ndarray, shape (3,)
        Written: the index; the displacement.
    """
    for a in range(3):
        at[a] = way[a, 0] * i + way[a, 1] * j + way[a, 2] * k + way[a, 3]
    if field.shape[0] == 0:
        return
    displacement(i, j, k, field, field_way, shift)
    for a in range(3):
        at[a] += turn[a, 0] * shift[0] + turn[a, 1] * shift[1] + turn[a, 2] * shift[2]


@compiled
def displacement(i: int, j: int, k: int, field: F32, way: F64, shift: F64) -> None:
    """Interpolate the field linearly at a voxel of the grid; see :func:`place_of`."""
    nx, ny, nz = field.shape[0], field.shape[1], field.shape[2]
    x = min(max(way[0, 0] * i + way[0, 1] * j + way[0, 2] * k + way[0, 3], 0.0), nx - 1.0)
    y = min(max(way[1, 0] * i + way[1, 1] * j + way[1, 2] * k + way[1, 3], 0.0), ny - 1.0)
    z = min(max(way[2, 0] * i + way[2, 1] * j + way[2, 2] * k + way[2, 3], 0.0), nz - 1.0)
    p, q, r = int(x), int(y), int(z)
    a, b, c = x - p, y - q, z - r
    p1, q1, r1 = min(p + 1, nx - 1), min(q + 1, ny - 1), min(r + 1, nz - 1)
    for n in range(3):
        near = (1 - b) * ((1 - c) * field[p, q, r, n] + c * field[p, q, r1, n]) + b * (
            (1 - c) * field[p, q1, r, n] + c * field[p, q1, r1, n]
        )
        far = (1 - b) * ((1 - c) * field[p1, q, r, n] + c * field[p1, q, r1, n]) + b * (
            (1 - c) * field[p1, q1, r, n] + c * field[p1, q1, r1, n]
        )
        shift[n] = (1 - a) * near + a * far


@compiled
def inside(at: F64, shape: tuple[int, int, int]) -> bool:
    """Clip an index to the image's voxel centres; return whether it was in the field of view."""
    seen = True
    for a in range(3):
        last = shape[a] - 1.0
        seen = seen and -HALF <= at[a] < last + HALF
        at[a] = min(max(at[a], 0.0), last)
    return seen


@compiled
def linear(image: F32, at: F64) -> float:
    """Interpolate linearly at an index inside the image."""
    nx, ny, nz = image.shape
    p, q, r = int(at[0]), int(at[1]), int(at[2])
    a, b, c = at[0] - p, at[1] - q, at[2] - r
    p1, q1, r1 = min(p + 1, nx - 1), min(q + 1, ny - 1), min(r + 1, nz - 1)
    near = (1 - b) * ((1 - c) * image[p, q, r] + c * image[p, q, r1]) + b * (
        (1 - c) * image[p, q1, r] + c * image[p, q1, r1]
    )
    far = (1 - b) * ((1 - c) * image[p1, q, r] + c * image[p1, q, r1]) + b * (
        (1 - c) * image[p1, q1, r] + c * image[p1, q1, r1]
    )
    value: float = (1 - a) * near + a * far
    return value


@compiled
def sample_linear(
    image: F32,
    way: F64,
    field: F32,
    field_way: F64,
    turn: F64,
    within: NDArray[np.bool_],
    out: F32,
) -> None:
    """Sample an image linearly on a grid; voxels beyond its field of view are left as they are.

    Parameters
    ----------
    image : ndarray of float32, shape (x, y, z)
    way, field, field_way, turn
        See :func:`place_of`.
    within : ndarray of bool, shape of `out`, or without voxels
        Sample only these.
    out : ndarray of float32
        Written.
    """
    at, shift = np.empty(3), np.empty(3)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                if within.shape[0] and not within[i, j, k]:
                    continue
                place_of(i, j, k, way, field, field_way, turn, at, shift)
                if inside(at, image.shape):
                    out[i, j, k] = linear(image, at)


@compiled
def sample_places(
    shape: tuple[int, int, int],
    way: F64,
    field: F32,
    field_way: F64,
    turn: F64,
    grid_voxels: NDArray[np.int64],
    places: F64,
) -> NDArray[np.bool_]:
    """Write the clipped index in an image of voxels of a grid; return which are in its view.

    Parameters
    ----------
    shape : tuple of int
        Of the image.
    way, field, field_way, turn
        See :func:`place_of`.
    grid_voxels : ndarray of int, shape (n, 3)
    places : ndarray, shape (3, n)
        Written.
    """
    seen = np.empty(len(grid_voxels), np.bool_)
    at, shift = np.empty(3), np.empty(3)
    for n in range(len(grid_voxels)):
        i, j, k = grid_voxels[n, 0], grid_voxels[n, 1], grid_voxels[n, 2]
        place_of(i, j, k, way, field, field_way, turn, at, shift)
        seen[n] = inside(at, shape)
        for a in range(3):
            places[a, n] = at[a]
    return seen


@compiled
def sample_field(field: F32, way: F64, out: F32) -> None:
    """Sample a field linearly on a grid, extended by its edge values.

    Parameters
    ----------
    field : ndarray of float32, shape (x, y, z, 3)
    way : ndarray, shape (3, 4)
        Grid index to field index.
    out : ndarray of float32, shape of the grid and 3
        Written.
    """
    shift = np.empty(3)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                displacement(i, j, k, field, way, shift)
                for a in range(3):
                    out[i, j, k, a] = shift[a]


@compiled
def sample_extended(image: F32, way: F64, out: F32) -> None:
    """Sample an image linearly on a grid, extended by its edge values.

    Parameters
    ----------
    image : ndarray of float32, shape (x, y, z)
    way : ndarray, shape (3, 4)
        Grid index to image index.
    out : ndarray of float32
        Written.
    """
    at = np.empty(3)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                for a in range(3):
                    at[a] = way[a, 0] * i + way[a, 1] * j + way[a, 2] * k + way[a, 3]
                inside(at, image.shape)
                out[i, j, k] = linear(image, at)


@compiled
def step_inverse(field: F32, scale: F64, found: F32, out: F32) -> float:
    """Write minus the field at each voxel moved by the inverse so far.

    Parameters
    ----------
    field, found, out : ndarray of float32, shape (x, y, z, 3)
        Displacements in mm on one grid; `out` is written.
    scale : ndarray, shape (3, 3)
        Displacement in mm to voxels.

    Returns
    -------
    float
        Largest change along an axis, voxels.
    """
    most = 0.0
    moved, shift = np.zeros((3, 4)), np.empty(3)
    for i in range(field.shape[0]):
        for j in range(field.shape[1]):
            for k in range(field.shape[2]):
                for a in range(3):
                    moved[a, 3] = (i, j, k)[a]
                    for b in range(3):
                        moved[a, 3] += scale[a, b] * found[i, j, k, b]
                displacement(0, 0, 0, field, moved, shift)
                for a in range(3):
                    change = 0.0
                    for b in range(3):
                        change -= scale[a, b] * (shift[b] + found[i, j, k, b])
                    most = max(most, abs(change))
                for b in range(3):
                    out[i, j, k, b] = -shift[b]
    return most


@compiled
def sample_points(image: F32, points: F64, out: F32) -> None:
    """Sample an image linearly at indices, shape (n, 3); 0 beyond its voxel centres."""
    at = np.empty(3)
    for n in range(len(points)):
        out[n] = 0.0
        seen = True
        for a in range(3):
            at[a] = points[n, a]
            seen = seen and 0.0 <= at[a] <= image.shape[a] - 1.0
        if seen:
            out[n] = linear(image, at)


@compiled
def carry_points(voxels: NDArray[np.int64], way: F64, field: F32, field_way: F64, out: F64) -> None:
    """Write each voxel's place in mm, moved by the field there.

    Parameters
    ----------
    voxels : ndarray of int, shape (n, 3)
    way : ndarray, shape (3, 4)
        Index to mm.
    field : ndarray of float32, shape (x, y, z, 3)
        Displacements in mm, extended by their edge values.
    field_way : ndarray, shape (3, 4)
        Index of a voxel to index of the field.
    out : ndarray, shape (n, 3)
        Written.
    """
    shift = np.empty(3)
    for n in range(len(voxels)):
        i, j, k = voxels[n, 0], voxels[n, 1], voxels[n, 2]
        displacement(i, j, k, field, field_way, shift)
        for a in range(3):
            straight = way[a, 0] * i + way[a, 1] * j + way[a, 2] * k + way[a, 3]
            out[n, a] = straight + shift[a]
