"""What a scanner adds to a clean image: gain, bias field, Rician noise, integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.simulate.lattice import random_field

_BIAS_SPACING_MM, _BIAS_SD = 90.0, 0.12
_GAIN_SD = 0.25
_NOISE = 0.025


def scan(
    clean: NDArray[np.float32],
    grid: Grid,
    *,
    white: float,
    level: float,
    rng: np.random.Generator,
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

    Returns
    -------
    Volume
        int16, >= 0; multiplicative field with log-sd 0.12, Rician noise with sd 2.5 % of white.
    """
    gain = level / white * np.exp(rng.normal(0, _GAIN_SD))
    field = random_field(rng, grid, spacing_mm=_BIAS_SPACING_MM, sd=_BIAS_SD).on_grid(grid)[0]
    signal = clean * gain * np.exp(field)
    sd = _NOISE * gain * white
    real = signal + sd * rng.standard_normal(grid.shape)
    magnitude = np.hypot(real, sd * rng.standard_normal(grid.shape))
    return Volume(np.rint(np.clip(magnitude, 0, 32767)).astype(np.int16), grid.affine)
