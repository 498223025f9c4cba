"""Scanner effects on a clean image: gain, bias field, Rician noise, quantisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.simulate.lattice import SmoothField, random_field

_BIAS_SPACING_MM = 90.0
# Share of a field's variance that T1w and T2w have in common, as one coil receives both: fields
# that N4 finds in six real sessions (open_ms, tcga_lgg) have r = .07 to .79, .46 in the mean.
_COIL_SHARE = 0.4
_HEAD = 0.05  # of white matter: brighter is head, not air
# Reconstruction interpolates: neighbouring voxels share noise (our choice, in voxels).
_NOISE_FWHM_VOXELS, _THICK = 1.2, 1.5
_FWHM_PER_SD = np.sqrt(8 * np.log(2))


@dataclass(frozen=True)
class Scanner:
    """Properties of one site's scanner.

    Parameters
    ----------
    gain_t1w, gain_t2w : float
        Factor of all intensities.
    gamma_t1w, gamma_t2w : float
        Power of intensities relative to white matter.
    blur_mm : float
        Full width at half maximum of its point spread beyond the voxel, mm.
    noise : float
        Standard deviation of the noise, share of white matter: 0.033 is a signal-to-noise ratio
        of 30.
    gain_sd : float
        Spread of the logarithm of each image's own gain, as receivers are adjusted for each:
        mean ratios of four people on one scanner differed by 4 to 5 % in all.
    bias_sd : float
        Spread of the logarithm of each image's smooth bias field, in part that of the coil, which
        T1w and T2w share; its mean over the head is 0. Over a head 0.08 gives a spread of 0.06;
        N4 finds 0.045 to 0.071 in T1w and 0.031 to 0.034 in T2w of six real sessions.
    """

    gain_t1w: float = 1.0
    gain_t2w: float = 1.0
    gamma_t1w: float = 1.0
    gamma_t2w: float = 1.0
    blur_mm: float = 0.0
    noise: float = 0.033
    gain_sd: float = 0.02
    bias_sd: float = 0.08


COMMON = Scanner()


def draw_coil(rng: np.random.Generator, grid: Grid, scanner: Scanner = COMMON) -> SmoothField:
    """Draw the logarithm of the field of the receive coil, which both images of a session share."""
    sd = scanner.bias_sd * _COIL_SHARE**0.5
    return random_field(rng, grid, spacing_mm=_BIAS_SPACING_MM, sd=sd)


def scan(
    clean: NDArray[np.float32],
    grid: Grid,
    *,
    white: float,
    level: float,
    rng: np.random.Generator,
    coil: SmoothField,
    gamma: float = 1.0,
    scanner: Scanner = COMMON,
) -> Volume:
    """Acquire a clean image.

    Parameters
    ----------
    clean : ndarray, shape (x, y, z)
        Noise-free intensities.
    grid : Grid
        Grid of the image.
    white : float
        Intensity of white matter in `clean`.
    level : float
        Typical intensity of white matter in the scan, before this scan's own gain.
    rng : numpy.random.Generator
        Source of gain, this image's own field and noise.
    coil : SmoothField
        As `draw_coil` draws it for a session.
    gamma : float
        Power of this contrast's intensities relative to white matter.
    scanner : Scanner
        Its blur, noise, spread of gain and of bias field.

    Returns
    -------
    Volume
        int16, >= 0; with bias field and spatially correlated Rician noise.
    """
    if gamma != 1:
        clean = np.float32(white) * (clean / np.float32(white)) ** np.float32(gamma)
    if scanner.blur_mm:
        sigma = scanner.blur_mm / _FWHM_PER_SD / np.asarray(grid.voxel_mm)
        clean = gaussian_filter(clean, sigma)
    gain = level / white * np.exp(rng.normal(0, scanner.gain_sd))
    field = _bias_field(rng, coil, clean > _HEAD * white, grid, scanner.bias_sd)
    signal = clean * gain * np.exp(field)
    sd = scanner.noise * gain * white
    real, imaginary = (sd * _noise(rng, grid) for _ in range(2))
    magnitude = np.hypot(signal + real, imaginary)
    return Volume(np.rint(np.clip(magnitude, 0, 32767)).astype(np.int16), grid.affine)


def _bias_field(
    rng: np.random.Generator, coil: SmoothField, head: NDArray[np.bool_], grid: Grid, sd: float
) -> NDArray[np.float32]:
    """Draw the logarithm of a field with mean 0 over the head: the mean is the gain."""
    own_sd = sd * (1 - _COIL_SHARE) ** 0.5
    own = random_field(rng, grid, spacing_mm=_BIAS_SPACING_MM, sd=own_sd)
    field = own.on_grid(grid)[0] + coil.on_grid(grid)[0]
    return np.asarray(field - field[head].mean() if head.any() else field, dtype=np.float32)


def _noise(rng: np.random.Generator, grid: Grid) -> NDArray[np.float32]:
    """Draw unit noise, correlated between neighbours except across thick slices."""
    white = rng.standard_normal(grid.shape, dtype=np.float32)
    voxel = np.asarray(grid.voxel_mm)
    fine = voxel < _THICK * voxel.min()
    sigma = np.where(fine, _NOISE_FWHM_VOXELS / _FWHM_PER_SD, 0)
    impulse = np.zeros(9)
    impulse[4] = 1
    kept = np.linalg.norm(gaussian_filter1d(impulse, float(sigma.max()))) ** int(fine.sum())
    return np.asarray(gaussian_filter(white, sigma, mode="wrap") / np.float32(kept))
