"""Gaussian smoothing of maps that have missing voxels."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from rt1t2_dask.images.smooth_kernels import along_columns, along_rows
from rt1t2_dask.images.volume import Volume

Edge = Literal["normalised", "spm"]

MIN_MEASURED_WEIGHT = 0.5
MIN_TISSUE_SHARE = 0.25
"""Of what was measured within reach of the kernel: less would be read from a few edge voxels."""


def smooth(
    image: Volume,
    fwhm_mm: float,
    edge: Edge,
    inside: NDArray[np.bool_] | None = None,
    tissue: NDArray[np.float32] | None = None,
) -> Volume:
    """Smooth a map with SPM's kernel.

    Parameters
    ----------
    image : Volume
        NaN where not measured.
    fwhm_mm : float
        Full width at half maximum, mm, >= 0; 0 returns the map unchanged.
    edge : {"normalised", "spm"}
        ``normalised``: S = G*(x m) / G*m with m = measured, NaN where G*m < 0.5, so that voxels
        outside the mask do not bias the mean. ``spm``: missing voxels count as 0; x and y edges are
        padded with 0, z edges renormalised (spm_smooth).
    inside : ndarray of bool, shape of the image, optional
        NaN outside of it.
    tissue : ndarray, shape of the image, optional
        With ``normalised``: each voxel's share of tissue, 0 to 1. S = G*(x w) / G*w with w the
        share where measured, so that CSF neither enters nor dilutes (Lee et al. 2009, NeuroImage
        44:870); NaN also where G*w < 0.25 G*m.

    Returns
    -------
    Volume
        float32.

    Raises
    ------
    ValueError
        A negative width; ``tissue`` with ``spm``, which has no weights.
    """
    if tissue is not None and edge == "spm":
        raise ValueError("smooth.edge=spm counts every voxel alike; tissue needs normalised.")
    if not fwhm_mm >= 0:
        raise ValueError(f"smooth.fwhm_mm is {fwhm_mm}; it must be 0 or more.")
    if fwhm_mm == 0:
        return image
    sigmas = fwhm_mm / image.grid.voxel_mm / np.sqrt(8.0 * np.log(2.0))
    kernels = [spm_kernel(float(sigma)) for sigma in sigmas]
    measured = np.isfinite(image.data)
    filled = np.where(measured, image.data, 0).astype(np.float32)
    spm = edge == "spm"
    out = _spm(filled, kernels) if spm else _normalised(filled, measured, kernels, tissue)
    if inside is not None:
        out[~inside] = np.nan
    return image.with_data(out)


def spm_kernel(sigma: float) -> NDArray[np.float64]:
    """Return a Gaussian convolved with a linear B-spline, sampled at whole voxels.

    Parameters
    ----------
    sigma : float
        Standard deviation of the Gaussian in voxels, > 0.

    Returns
    -------
    ndarray, shape (2 r + 1,)
        r = round(6 sigma); sums to 1.

    Notes
    -----
    spm_smoothkern.m (SPM12), its default of a linear interpolation basis: the integral over the
    hat function of the Gaussian density.
    """
    radius = max(int(np.floor(6.0 * sigma + 0.5)), 1)
    x = np.arange(-radius, radius + 1, dtype=np.float64)

    def antiderivative(at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Integrate the Gaussian's distribution function; its second difference is the kernel."""
        z = at / (sigma * np.sqrt(2.0))
        return np.asarray(
            0.5 * at * special.erf(z) + sigma * np.exp(-(z**2)) / np.sqrt(2.0 * np.pi)
        )

    kernel = antiderivative(x + 1) - 2.0 * antiderivative(x) + antiderivative(x - 1)
    kernel = np.clip(kernel, 0.0, None)
    return np.asarray(kernel / kernel.sum())


def _normalised(
    filled: NDArray[np.float32],
    measured: NDArray[np.bool_],
    kernels: list[NDArray[np.float64]],
    tissue: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    """Smooth within the bounding box of the measured voxels: outside, all are NaN."""
    out = np.full(filled.shape, np.nan, dtype=np.float32)
    box = _measured_box(measured)
    seen = measured[box].astype(np.float32)
    weight = _convolve(seen, kernels)
    enough = weight >= MIN_MEASURED_WEIGHT
    values = filled[box]
    if tissue is not None:
        share = np.clip(tissue[box], 0, 1) * seen
        values, every, weight = values * share, weight, _convolve(share, kernels)
        enough &= weight >= MIN_TISSUE_SHARE * every
    np.divide(_convolve(values, kernels), weight, out=out[box], where=enough)
    return out


def _measured_box(measured: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Return the bounding box of measured voxels; empty for none."""
    box = ndimage.find_objects(measured.astype(np.uint8))
    return box[0] if box else (slice(0),) * measured.ndim


def _spm(filled: NDArray[np.float32], kernels: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    in_volume = ndimage.convolve1d(np.ones(filled.shape[2]), kernels[2], mode="constant")
    return np.asarray(_convolve(filled, kernels) / in_volume, dtype=np.float32)


def _convolve(data: NDArray[np.float32], kernels: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Convolve each axis with its symmetric kernel; zeros outside the volume."""
    volume = np.ascontiguousarray(data, np.float32)
    x, y, z = volume.shape
    halves = [kernel[len(kernel) // 2 :].astype(np.float32) for kernel in kernels]
    first, second = np.empty_like(volume), np.empty_like(volume)
    along_rows(volume.reshape(x, y * z), halves[0], first.reshape(x, y * z))
    for slab, out in zip(first, second, strict=True):
        along_rows(slab, halves[1], out)
    along_columns(second.reshape(x * y, z), halves[2], first.reshape(x * y, z))
    return first
