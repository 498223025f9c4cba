"""What a scanner adds to a clean image: gain, bias field, Rician noise, integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.simulate.lattice import random_field

_BIAS_SPACING_MM, _BIAS_SD = 90.0, 0.12
_GAIN_SD = 0.25
_FWHM_PER_SD = np.sqrt(8 * np.log(2))


@dataclass(frozen=True)
class Scanner:
    """What is particular to one site's scanner.

    Parameters
    ----------
    gain_t1w, gain_t2w : float
        Factor of all intensities.
    gamma_t1w, gamma_t2w : float
        Power of intensities relative to white matter.
    blur_mm : float
        Full width at half maximum of its point spread beyond the voxel, mm.
    noise : float
        Standard deviation of the noise, share of white matter.
    """

    gain_t1w: float = 1.0
    gain_t2w: float = 1.0
    gamma_t1w: float = 1.0
    gamma_t2w: float = 1.0
    blur_mm: float = 0.0
    noise: float = 0.025


COMMON = Scanner()


def scan(
    clean: NDArray[np.float32],
    grid: Grid,
    *,
    white: float,
    level: float,
    rng: np.random.Generator,
    gamma: float = 1.0,
    scanner: Scanner = COMMON,
) -> Volume:
    """Acquire a clean image.

    Parameters
    ----------
    clean : ndarray, shape (x, y, z)
        Noise-free intensities.
    grid : Grid
        Where they lie.
    white : float
        Intensity of white matter in `clean`.
    level : float
        Typical intensity of white matter in the scan, before this scan's own gain
        (lognormal, sd 0.25).
    rng : numpy.random.Generator
        Source of gain, field and noise.
    gamma : float
        Power of this contrast's intensities relative to white matter.
    scanner : Scanner
        Its blur and noise.

    Returns
    -------
    Volume
        int16, >= 0; multiplicative field with log-sd 0.12, Rician noise.
    """
    if gamma != 1:
        clean = np.float32(white) * (clean / np.float32(white)) ** np.float32(gamma)
    if scanner.blur_mm:
        sigma = scanner.blur_mm / _FWHM_PER_SD / np.asarray(grid.voxel_mm)
        clean = gaussian_filter(clean, sigma)
    gain = level / white * np.exp(rng.normal(0, _GAIN_SD))
    field = random_field(rng, grid, spacing_mm=_BIAS_SPACING_MM, sd=_BIAS_SD).on_grid(grid)[0]
    signal = clean * gain * np.exp(field)
    sd = scanner.noise * gain * white
    real = signal + sd * rng.standard_normal(grid.shape)
    magnitude = np.hypot(real, sd * rng.standard_normal(grid.shape))
    return Volume(np.rint(np.clip(magnitude, 0, 32767)).astype(np.int16), grid.affine)
