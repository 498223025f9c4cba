"""Compute the ratio and mask voxels without one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

SAFE_SHARE = 0.05
# Set on six sessions of five people (multiple sclerosis, glioma; four protocols): beyond it lay 13
# of 4.0 million voxels of eroded grey and white matter, and ratios up to 43 in vessels and sinuses.
LIMIT_SDS = 4.0
# Painted heads of a few grey levels have no spread; these people's was 0.35 to 0.45.
LEAST_SPREAD = 0.3


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


def upper_limit(values: NDArray[np.float32]) -> float:
    """Compute the ratio above which a voxel is not brain tissue: flow voids, vessels, bone.

    Parameters
    ----------
    values : ndarray
        One person's ratio within the brain; NaN where not measured.

    Returns
    -------
    float
        exp(median + 4 SD) of the log ratio, SD = 1.4826 times the median absolute deviation and at
        least 0.3; infinity where nothing is above 0. The limit scales with the gain of the ratio.
    """
    logs = np.log(values[values > 0], dtype=np.float64)
    if not len(logs):
        return np.inf
    middle = np.median(logs)
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), LEAST_SPREAD)
    return float(np.exp(middle + LIMIT_SDS * spread))


def within_limit(values: NDArray[np.float32], limit: float) -> NDArray[np.float32]:
    """Set values beyond a limit to NaN."""
    return np.where(values > limit, np.float32(np.nan), values)


def gm_median(
    t1w: NDArray[Any], t2w: NDArray[Any], measured: Mask, grey: Mask
) -> NDArray[np.float32]:
    """Return the standardised ratio scaled by the grey matter's medians.

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
    return standardise(ratio(t1w, t2w, measured), gm_scale(t1w, t2w, measured, grey))


def gm_scale(t1w: NDArray[Any], t2w: NDArray[Any], measured: Mask, grey: Mask) -> float:
    """Return median(T1w) / median(T2w) over the measured grey matter; as for `gm_median`."""
    known = grey & np.isfinite(ratio(t1w, t2w, measured))
    if not known.any():
        raise ValueError("no measured grey-matter voxel; the mask does not match the images")
    return float(np.median(t1w[known]) / np.median(t2w[known]))


def standardise(values: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Compute (r - s) / (r + s) of a ratio r for a scale s > 0; NaN where r is."""
    scaled = values / np.float32(scale)
    return np.asarray((scaled - 1) / (scaled + 1), dtype=np.float32)
