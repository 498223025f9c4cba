"""Gradients of the ratio across the brain: what a transmit field (B1+) leaves in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume

HALF_WIDTH_MM, RADIUS_MM = 70.0, 75.0
"""From the middle of an adult brain in template space to its sides, and to its edge on average."""
LEAST_TISSUE = 0.9
LEAST_VOXELS = 1000


def gradients(
    ratio: Volume, grey: NDArray[np.floating], white: NDArray[np.floating]
) -> dict[str, float]:
    """Return how the ratio changes from left to right, and from the centre to the edge.

    Parameters
    ----------
    ratio : Volume
        In template space, RAS; not NaN and above 0 where measured.
    grey, white : ndarray, shape of the ratio
        Tissue maps of the template, 0 to 1.

    Returns
    -------
    dict of str to float
        ``ratio_left_right``: 100 times the change of the log ratio from the left side (-70 mm) to
        the right, ``ratio_centre_edge``: from the middle to 75 mm away; NaN for fewer than 1,000
        voxels. Anatomy has gradients of its own, which are alike in all people: these numbers
        compare people.

    Notes
    -----
    Least squares of the log ratio where the template is at least 90 % tissue, on x, on the squared
    distance from the centre, and on the template's share of grey matter and its square. The
    transmit field of a head coil is brightest in the centre and tilted to a side, and the ratio
    follows it (Glasser et al. 2022, NeuroImage 258:119360).
    """
    values = ratio.data
    with np.errstate(invalid="ignore"):
        chosen = np.isfinite(values) & (values > 0) & (grey + white >= LEAST_TISSUE)
    index = np.array(np.nonzero(chosen))
    if index.shape[1] < LEAST_VOXELS:
        return {"ratio_left_right": float("nan"), "ratio_centre_edge": float("nan")}
    mm = np.asarray(ratio.affine)[:3, :3] @ index + np.asarray(ratio.affine)[:3, 3:]
    away = (mm - mm.mean(axis=1, keepdims=True)) / RADIUS_MM
    share = grey[chosen].astype(np.float64)
    columns = [np.ones_like(share), share, share**2, mm[0] / HALF_WIDTH_MM, (away**2).sum(axis=0)]
    matrix = np.column_stack(columns)
    logs = np.log(values[chosen].astype(np.float64))
    slopes = np.linalg.pinv(matrix.T @ matrix, hermitian=True) @ (matrix.T @ logs)
    return {"ratio_left_right": 200.0 * slopes[3], "ratio_centre_edge": 100.0 * slopes[4]}
