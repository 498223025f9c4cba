"""Bias field of the receive coil, by N4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.brain.trim import box_of, cut, filled_box
from rt1t2_dask.images.n4 import SHARPENING_FWHM, log_bias_field
from rt1t2_dask.images.registration.scale import typical
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.resample_kernels import sample_extended
from rt1t2_dask.images.transform import inverse
from rt1t2_dask.images.volume import Volume

ITERATIONS = (50, 50)
WORKING_MM = 4.0
# ITK's width of 0.15 is a sixth of the log range of a usual T1w or T2w over its bright head.
_WIDTH_SHARE, _RANGE = 1 / 6, (0.1, 0.9)
_LEAST_WIDTH = 0.02


@dataclass(frozen=True)
class Bias:
    """A corrected image and the multiplicative field that was divided out."""

    corrected: Volume
    field: Volume


def correct(
    image: Volume,
    weight: NDArray[np.bool_],
    spline_mm: float = 180.0,
    fwhm: float | None = SHARPENING_FWHM,
) -> Bias:
    """Estimate and divide out a smooth multiplicative field.

    Parameters
    ----------
    image : Volume
        Values below 0 count as 0.
    weight : ndarray of bool, shape of the image
        Voxels to fit: the head or the brain, without lesions.
    spline_mm : float
        Knot spacing of the B-spline at the first of two levels, mm; the second halves it.
    fwhm : float, optional
        FWHM of N4's sharpening kernel, in log units; None: a sixth of the image's own log range.

    Returns
    -------
    Bias
        float32; the field's geometric mean over `weight` is 1, so intensities keep their scale.

    Notes
    -----
    N4 (Tustison et al. 2010), fitted at 4 mm. Our change: a width that follows the range of
    the image's own logarithms (10 to 90 %), so that a scanner's gamma, which stretches that range,
    does not change which anatomy N4 takes for a field. Fit the head, not the brain, where the
    field is needed outside the brain: it is only as good as the voxels that inform it. A third
    level (45 mm) follows the anatomy: on simulated heads it tripled the field's error.
    """
    if not weight.any():
        raise ValueError("The bias field has no voxels to fit: `weight` is empty.")
    # Knots lie about the head, not the field of view: empty slices would move them.
    whole = filled_box(image.data)
    box = box_of(weight[whole], image.grid.voxel_mm)
    head = typical(cut(cut(image.with_data(np.clip(image.data, 0, None)), whole), box))
    coarse = regrid(head, WORKING_MM)
    fitted = to_grid(image.with_data(weight), coarse.grid, order=0).data
    estimate = log_bias_field(
        coarse.data,
        fitted,
        spline_mm / WORKING_MM,
        ITERATIONS,
        fwhm=fwhm or _width(coarse.data[fitted]),
    )
    log_field = _everywhere(coarse.with_data(estimate), image)
    field = np.exp(log_field - log_field[weight].mean(dtype=np.float64)).astype(np.float32)
    return Bias(image.with_data((image.data / field).astype(np.float32)), image.with_data(field))


def _everywhere(coarse: Volume, image: Volume) -> NDArray[np.float32]:
    """Resample a field to an image's grid, with its edge values beyond its own grid."""
    to_index = inverse(coarse.affine) @ image.affine
    out = np.empty(image.data.shape, dtype=np.float32)
    sample_extended(
        np.ascontiguousarray(coarse.data, np.float32), np.ascontiguousarray(to_index[:3]), out
    )
    return out


def _width(values: NDArray[np.floating]) -> float:
    low, high = np.quantile(values[values > 0], _RANGE)
    return max(_WIDTH_SHARE * float(np.log(high / low)), _LEAST_WIDTH)
