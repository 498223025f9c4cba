"""The ratio itself, and where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

SAFE_SHARE = 0.05


def ratio(t1w: NDArray[Any], t2w: NDArray[Any], measured: Mask) -> NDArray[np.float32]:
    """Divide calibrated T1w by calibrated T2w.

    Parameters
    ----------
    t1w, t2w : ndarray, shape (x, y, z)
        Calibrated intensities on one grid.
    measured : ndarray of bool
        True inside the brain, outside lesions and air, where both scans have data.

    Returns
    -------
    ndarray of float32
        NaN where not measured, where either is not finite, where the T1w is not above 0, and
        where the T2w is not safely above 0: less than 5 % of its median over `measured`.
    """
    known = measured & np.isfinite(t1w) & np.isfinite(t2w) & (t1w > 0)
    typical = float(np.median(t2w[known])) if known.any() else np.inf
    known &= t2w > max(SAFE_SHARE * typical, 0.0)
    quotient = np.divide(t1w, t2w, where=known, out=np.full(t1w.shape, np.nan, dtype=np.float64))
    return np.asarray(quotient, dtype=np.float32)


def gm_median(
    t1w: NDArray[Any], t2w: NDArray[Any], measured: Mask, grey: Mask
) -> NDArray[np.float32]:
    """Give the standardised ratio scaled by the grey matter's medians.

    Parameters
    ----------
    t1w, t2w : ndarray, shape (x, y, z)
        Bias-corrected intensities on one grid, any unit.
    measured : ndarray of bool
        As in `ratio`.
    grey : ndarray of bool
        Cortical grey matter.

    Returns
    -------
    ndarray of float32
        (T1w - s T2w) / (T1w + s T2w) with s = median(T1w) / median(T2w) over grey matter
        (Misaki et al. 2015; Cooper et al. 2019), in (-1, 1); NaN as in `ratio`.

    Raises
    ------
    ValueError
        No measured grey matter.
    """
    return standardised(t1w, t2w, measured, gm_scale(t1w, t2w, measured, grey))


def gm_scale(t1w: NDArray[Any], t2w: NDArray[Any], measured: Mask, grey: Mask) -> float:
    """Give median(T1w) / median(T2w) over the measured grey matter; as for `gm_median`."""
    known = grey & np.isfinite(ratio(t1w, t2w, measured))
    if not known.any():
        raise ValueError("no measured voxel of grey matter; the mask does not fit the images")
    return float(np.median(t1w[known]) / np.median(t2w[known]))


def standardised(
    t1w: NDArray[Any], t2w: NDArray[Any], measured: Mask, scale: float
) -> NDArray[np.float32]:
    """Give (T1w - s T2w) / (T1w + s T2w) for a scale s > 0; NaN as in `ratio`."""
    scaled = ratio(t1w, t2w, measured) / np.float32(scale)
    return np.asarray((scaled - 1) / (scaled + 1), dtype=np.float32)
