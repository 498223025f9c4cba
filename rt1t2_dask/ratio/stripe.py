"""The white stripe: voxels of normal-appearing white matter found on the T1w's histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Mask = NDArray[np.bool_]

WIDTH = 0.05  # of the distribution, to either side of the mode (Shinohara et al. 2014)
_RARE = 0.2  # modes lower than this fraction of the highest are not tissue
_BINS = 256
_SMOOTH_BINS = 4.0


def white_stripe(t1w: NDArray[Any], brain: Mask) -> Mask:
    """Find the white stripe.

    Parameters
    ----------
    t1w : ndarray, shape (x, y, z)
        Any unit.
    brain : ndarray of bool
        Brain mask; not empty.

    Returns
    -------
    ndarray of bool
        Voxels of the brain within 5 % of the distribution to either side of the last mode.

    Notes
    -----
    Shinohara et al. 2014, NeuroImage: Clinical 6:9-19: among the voxels above the mean, the last
    mode of the smoothed histogram that is not rare is white matter; the stripe is what lies
    between the quantiles F(mode) -+ 0.05. The stripe found on the T1w serves both images, since
    white matter has no mode of its own in a T2w.
    """
    values = t1w[brain].astype(np.float64)
    bright = values[values > np.nanmean(values)]
    if not bright.size:
        return brain
    share = float(np.mean(bright < _last_mode(bright)))
    low, high = np.quantile(bright, np.clip([share - WIDTH, share + WIDTH], 0, 1))
    return np.asarray(brain & (t1w >= low) & (t1w <= high))


def _last_mode(values: NDArray[np.float64]) -> float:
    low, high = np.quantile(values, [0.001, 0.999])
    counts, edges = np.histogram(values, bins=_BINS, range=(low, max(high, low + 1e-12)))
    density = gaussian_filter1d(counts.astype(np.float64), _SMOOTH_BINS, mode="constant")
    peaks = np.flatnonzero(
        (density[1:-1] >= density[:-2])
        & (density[1:-1] > density[2:])
        & (density[1:-1] > _RARE * density.max())
    )
    best = int(peaks[-1]) + 1 if peaks.size else int(density.argmax())
    return float((edges[best] + edges[best + 1]) / 2)
