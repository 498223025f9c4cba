"""MRTool-style calibration: map a subject's intensities onto a reference by external tissue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.classes import CLASS_NAMES, Mask
from rt1t2_dask.ratio.reference import QUANTILES, Reference

Values = NDArray[np.float64]

N_KNOTS = 12
TRUSTED_CONTRAST = (0.5, 2.0)
_OUTER_KNOTS = 3
_MIN_VOXELS = 60
_SMALLEST = 1e-3  # of the reference's range: calibrated intensities stay above it
_REMEDY = (
    "Choose another calibration= for the whole cohort (gm_median needs no tissue outside the "
    "brain), or leave the subject out with cohort.exclude."
)


@dataclass(frozen=True)
class IntensityMap:
    """A monotone map of intensities.

    Parameters
    ----------
    knots_x : ndarray, shape (k,)
        Subject's intensities, increasing.
    knots_y : ndarray, shape (k,)
        Reference's intensities, increasing.
    """

    knots_x: Values
    knots_y: Values


@dataclass(frozen=True)
class Calibration:
    """Both maps of one subject and how far they can be trusted.

    Parameters
    ----------
    t1w, t2w : IntensityMap
        From scanner units to reference units.
    extrapolated_t1w, extrapolated_t2w : float
        Share of brain voxels outside the knots, 0 to 1.
    contrast_kept_t1w, contrast_kept_t2w : float
        `contrast_kept` over the brain: a relative difference of the scan is multiplied by it.
    medians_t1w, medians_t2w : dict of str to float
        Median of each class of the subject, in percent of the brain's median.
    voxels : dict of str to int
        Size of each class.
    """

    t1w: IntensityMap
    t2w: IntensityMap
    extrapolated_t1w: float
    extrapolated_t2w: float
    contrast_kept_t1w: float
    contrast_kept_t2w: float
    medians_t1w: dict[str, float]
    medians_t2w: dict[str, float]
    voxels: dict[str, int]


def mrtool_style(
    t1w: Volume, t2w_on_t1: Volume, classes: Mapping[str, Mask], brain: Mask, reference: Reference
) -> Calibration:
    """Calibrate one subject's T1w and T2w against the reference head.

    Parameters
    ----------
    t1w, t2w_on_t1 : Volume
        Bias-corrected, on one grid.
    classes : mapping of str to ndarray of bool
        ``csf``, ``bone``, ``soft``, from `external_classes` or `classes_from_prior`.
    brain : ndarray of bool
        For the share of extrapolated voxels.
    reference : Reference
        From `load_reference`.

    Raises
    ------
    SubjectError
        A class is missing (defaced, cropped); T1w and T2w look swapped; or the classes come in
        another order of brightness than in the reference (fat-suppressed): no monotone map could
        be right.
    """
    _check_sizes(classes, brain)
    _check_contrasts(t1w.data[brain], t2w_on_t1.data[brain])
    maps = {}
    for contrast, image in (("t1w", t1w), ("t2w", t2w_on_t1)):
        values = {name: quantiles(image.data[classes[name]]) for name in CLASS_NAMES}
        _check_order(values, reference.quantiles[contrast], contrast)
        maps[contrast] = fit(values, reference.quantiles[contrast])
    return Calibration(
        t1w=maps["t1w"],
        t2w=maps["t2w"],
        extrapolated_t1w=extrapolated_share(maps["t1w"], t1w.data[brain]),
        extrapolated_t2w=extrapolated_share(maps["t2w"], t2w_on_t1.data[brain]),
        contrast_kept_t1w=contrast_kept(maps["t1w"], t1w.data[brain]),
        contrast_kept_t2w=contrast_kept(maps["t2w"], t2w_on_t1.data[brain]),
        medians_t1w=_medians(t1w.data, classes, brain),
        medians_t2w=_medians(t2w_on_t1.data, classes, brain),
        voxels={name: int(classes[name].sum()) for name in CLASS_NAMES},
    )


def quantiles(values: NDArray[Any]) -> Values:
    """Give the quantiles (20 to 80 %) that describe one class."""
    return np.asarray(np.quantile(values.astype(np.float64), QUANTILES))


def fit(subject: Mapping[str, Values], reference: Mapping[str, Values]) -> IntensityMap:
    """Fit the monotone map through the pooled quantiles of all classes.

    Parameters
    ----------
    subject, reference : mapping of str to ndarray, shape (q,)
        Quantiles of each class at the same probabilities; every class weighs the same.

    Returns
    -------
    IntensityMap
        `N_KNOTS` knots, strictly increasing.

    Notes
    -----
    Isotonic regression (Barlow et al. 1972) of the reference's quantiles on the subject's,
    read at knots that share the pooled quantiles evenly.
    """
    x = np.concatenate([subject[name] for name in subject])
    y = np.concatenate([reference[name] for name in subject])
    order = np.argsort(x, kind="stable")
    x, fitted = x[order], isotonic_regression(y[order]).x
    knots_x = np.unique(np.quantile(x, np.linspace(0, 1, N_KNOTS)))
    knots_y = np.interp(knots_x, x, fitted)
    step = 1e-6 * max(float(np.ptp(knots_y)), 1e-12)
    return IntensityMap(knots_x, np.maximum.accumulate(knots_y + step * np.arange(len(knots_y))))


def apply(intensity_map: IntensityMap, image: NDArray[Any]) -> NDArray[np.float32]:
    """Map an image into reference units.

    Parameters
    ----------
    intensity_map : IntensityMap
        Monotone: piecewise cubic (PCHIP, Fritsch and Carlson 1980) between the knots, linear
        with the slope of the outer three knots beyond them.
    image : ndarray
        Scanner units, any shape; NaN stays NaN.

    Returns
    -------
    ndarray of float32
        > 0 everywhere.
    """
    x, y = intensity_map.knots_x, intensity_map.knots_y
    inner = PchipInterpolator(x, y)(np.clip(image, x[0], x[-1]))
    below = _slope(intensity_map, slice(0, _OUTER_KNOTS)) * np.minimum(image - x[0], 0)
    above = _slope(intensity_map, slice(-_OUTER_KNOTS, None)) * np.maximum(image - x[-1], 0)
    floor = _SMALLEST * float(y[-1])
    return np.asarray(np.maximum(inner + below + above, floor), dtype=np.float32)


def extrapolated_share(intensity_map: IntensityMap, values: NDArray[Any]) -> float:
    """Share of values outside the knots, 0 to 1."""
    outside = (values < intensity_map.knots_x[0]) | (values > intensity_map.knots_x[-1])
    return float(np.mean(outside))


def contrast_kept(intensity_map: IntensityMap, values: NDArray[Any]) -> float:
    """Slope of the map in log-log units over the interquartile range of the values.

    1 for a pure gain. Far below 1 the map flattens the brain, and with it every effect: the
    subject's classes then spread more than the reference's (fat, noise).
    """
    low, high = np.nanquantile(values, [0.25, 0.75])
    mapped = apply(intensity_map, np.array([low, high])).astype(np.float64)
    return float(np.log(mapped[1] / mapped[0]) / np.log(high / low)) if high > low > 0 else np.nan


def contrast_doubt(calibration: Calibration) -> str | None:
    """Say which image's contrast the calibration shrank or stretched beyond `TRUSTED_CONTRAST`.

    Returns
    -------
    str or None
        None when both can be trusted.
    """
    low, high = TRUSTED_CONTRAST
    kept = {"T1w": calibration.contrast_kept_t1w, "T2w": calibration.contrast_kept_t2w}
    odd = [f"{name} by {value:.2f}" for name, value in kept.items() if not low <= value <= high]
    if not odd:
        return None
    return (
        f"calibration multiplied the brain's relative contrast in {' and '.join(odd)} "
        f"({low:g} to {high:g} is usual): look at this subject's ratio, or choose another "
        "calibration= for the whole cohort."
    )


def _medians(image: NDArray[Any], classes: Mapping[str, Mask], brain: Mask) -> dict[str, float]:
    scale = 100 / float(np.median(image[brain]))
    return {name: scale * float(np.median(image[classes[name]])) for name in CLASS_NAMES}


def _slope(intensity_map: IntensityMap, part: slice) -> float:
    x, y = intensity_map.knots_x[part], intensity_map.knots_y[part]
    return float((y[-1] - y[0]) / (x[-1] - x[0]))


def _check_sizes(classes: Mapping[str, Mask], brain: Mask) -> None:
    for name in CLASS_NAMES:
        count = int(classes[name].sum())
        if count < _MIN_VOXELS:
            raise SubjectError(
                f"calibration found {count} voxels of {name} (at least {_MIN_VOXELS} are needed; "
                f"the brain mask has {int(brain.sum())}): skull-stripped, defaced or cropped?",
                _REMEDY,
            )


def _check_contrasts(one: NDArray[Any], two: NDArray[Any]) -> None:
    """Refuse a swapped pair: fluid is the dark tail of a brain's T1w, the bright one of its T2w."""
    tails = []
    for values in (one, two):
        low, middle, high = np.nanquantile(values, [0.02, 0.5, 0.98])
        tails.append((high - middle) - (middle - low))
    if tails[0] > 0 > tails[1]:
        raise SubjectError(
            "the T1w has a brain with bright fluid and the T2w one with dark fluid: swapped?",
            "Exchange the two files, or leave the subject out with cohort.exclude.",
        )


def _check_order(
    subject: Mapping[str, Values], reference: Mapping[str, Values], contrast: str
) -> None:
    middle = len(QUANTILES) // 2
    expected = sorted(CLASS_NAMES, key=lambda name: float(reference[name][middle]))
    medians = [float(subject[name][middle]) for name in expected]
    if medians != sorted(medians):
        found = ", ".join(f"{n} {m:.4g}" for n, m in zip(expected, medians, strict=True))
        raise SubjectError(
            f"{contrast} medians should rise from {expected[0]} to {expected[-1]} but are {found}: "
            "fat-suppressed, or not this contrast?",
            _REMEDY,
        )
