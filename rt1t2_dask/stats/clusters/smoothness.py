"""Smoothness of a statistic image, from the roughness of its residuals (SPM12)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
MAX_IMAGES = 64
DETERMINANT_DOF = 6
"""Fewer residuals leave a determinant too small: 0, .53, .72 and .79 of the resels at 2 to 5
degrees of freedom, .82 to .89 from 6 to 27 (noise of 4.7 voxels FWHM, 6 images each). The product
gives 2.6, 1.8, 1.5 and 1.3 of them at 2 to 5: too many resels are the safe side.
"""


def sampled_rows(n: int) -> list[int]:
    """Return the rows whose residuals are used: at most 64, evenly spaced, as SPM12."""
    if n <= MAX_IMAGES:
        return list(range(n))
    return [int(np.floor(i + 0.5)) for i in np.linspace(0, n - 1, MAX_IMAGES)]


def fwhm_voxels(residuals: Iterable[Float], mask: Mask, dof: float, n: int | None = None) -> Float:
    """Estimate the FWHM of the noise along x, y and z, in voxels.

    Parameters
    ----------
    residuals : iterable of ndarray, shape (voxel,)
        Of the rows of :func:`sampled_rows`, over their standard deviation, in the order
        of ``mask``'s voxels; see :func:`rt1t2_dask.stats.glm.noise.standardised_residuals`.
    mask : ndarray of bool, shape (x, y, z)
        Where the residuals lie.
    dof : float
        Residual degrees of freedom.
    n : int, optional
        Rows of the design; default as many as there are residuals.

    Returns
    -------
    ndarray, shape (3,)

    Raises
    ------
    UserError
        No voxel of the mask has all its forward neighbours inside.

    Notes
    -----
    SPM12's ``spm_est_smoothness`` (Kiebel 1999, Worsley 1996): covariance of the
    forward differences over voxels whose eight corners lie in the mask, at most
    64 images, corrected by n / dof; one resel density a voxel, averaged, shared
    over the axes in proportion of their own roughness.
    """
    corners = all_corners(mask)
    if not corners.any():
        raise UserError(
            "smoothness: no 2 x 2 x 2 voxels of the mask have a statistic; check contrast.mask, "
            "and that maps differ between people."
        )
    rough = np.zeros((6, int(corners.sum())))
    count = 0
    for row in residuals:
        count += 1
        gradient = _gradient(row, mask, corners)
        for k, (a, b) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))):
            rough[k] += gradient[a] * gradient[b]
    rough *= (n or count) / dof / count
    return fwhm_of_roughness(rough, dof)


def resel_counts(mask: Mask, fwhm: Float) -> Float:
    """Compute the resolution elements of a volume in 0 to 3 dimensions, shape (4,).

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)
        Search volume.
    fwhm : ndarray, shape (3,)
        In voxels.

    Notes
    -----
    Worsley et al. 1996, from counts of voxels, edges, faces and cubes.
    """
    inside = np.asarray(mask, bool)
    x, y, z = 1.0 / np.asarray(fwhm, np.float64)
    points = int(inside.sum())
    edges = [_bricks(inside, axes) for axes in ((0,), (1,), (2,))]
    xy, xz, yz = (_bricks(inside, axes) for axes in ((0, 1), (0, 2), (1, 2)))
    cubes = _bricks(inside, (0, 1, 2))
    return np.array(
        [
            points - sum(edges) + xy + xz + yz - cubes,
            (edges[0] - xy - xz + cubes) * x
            + (edges[1] - xy - yz + cubes) * y
            + (edges[2] - xz - yz + cubes) * z,
            (xy - cubes) * x * y + (xz - cubes) * x * z + (yz - cubes) * y * z,
            cubes * x * y * z,
        ]
    )


def _shifted(volume: NDArray[Any], axes: tuple[int, ...], size: tuple[int, ...]) -> NDArray[Any]:
    """Return a view shifted by one voxel along some axes, cropped to ``size``."""
    return volume[tuple(slice(int(a in axes), int(a in axes) + size[a]) for a in range(3))]


def all_corners(mask: Mask) -> Mask:
    """Return voxels whose eight corners are in the mask; one shorter along every axis."""
    size = tuple(s - 1 for s in mask.shape)
    inside = np.ones(size, bool)
    for step in product((0, 1), repeat=3):
        inside &= _shifted(mask, tuple(a for a in range(3) if step[a]), size)
    return inside


def _bricks(mask: Mask, axes: tuple[int, ...]) -> int:
    """Return bricks of two voxels along some axes and one along the others."""
    inside = mask
    for axis in axes:
        ahead = [slice(None)] * 3
        behind = [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        inside = inside[tuple(ahead)] & inside[tuple(behind)]
    return int(inside.sum())


def _gradient(row: Float, mask: Mask, corners: Mask) -> list[Float]:
    volume = np.zeros(mask.shape)
    volume[mask] = row
    here = _shifted(volume, (), corners.shape)[corners]
    return [_shifted(volume, (axis,), corners.shape)[corners] - here for axis in range(3)]


def fwhm_of_roughness(rough: Float, dof: float) -> Float:
    """Compute the FWHM, shape (3,), from the variance of the noise's differences.

    Parameters
    ----------
    rough : ndarray, shape (6, voxel)
        Covariance of the differences along xx, yy, zz, xy, xz and yz of noise of variance 1.
    dof : float
        Residual degrees of freedom behind it. Below `DETERMINANT_DOF` the product of the three
        variances stands for the determinant, which it bounds (Hadamard).
    """
    xx, yy, zz, xy, xz, yz = rough
    determinant = xx * yy * zz
    if dof >= DETERMINANT_DOF:
        determinant = xx * (yy * zz - yz**2) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    volume = np.mean(np.sqrt(np.maximum(determinant, 0.0) / (4 * np.log(2)) ** 3))
    axes = np.mean(np.sqrt(rough[:3] / (4 * np.log(2))), axis=1)
    return np.asarray(1.0 / (volume ** (1 / 3) * axes / np.prod(axes) ** (1 / 3)))
