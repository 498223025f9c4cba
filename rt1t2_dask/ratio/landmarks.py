"""Calibration landmarks of one head, measured once for every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.classes import LANDMARK_CLASSES, MIN_VOXELS, Mask
from rt1t2_dask.ratio.stripe import white_stripe

Values = NDArray[np.float64]

CONTRASTS = ("t1w", "t2w")
# Only the middle: the tails are noise and partial volume, which an averaged head has not.
PROBABILITIES = np.round(np.arange(0.2, 0.801, 0.025), 3)
# What stands for a class: cortical bone is the darker part of the vault, whatever the share of
# marrow; pure fluid the darker part of CSF in T1w and the brighter in T2w, whatever its rim; of
# scalp what is brighter than bare muscle and darker than fat, and so nearest to the brain.
LEVELS = {
    "t1w": {"csf": 0.25, "bone": 0.25, "soft": 0.3, "muscle": 0.5, "eye": 0.5},
    "t2w": {"csf": 0.75, "bone": 0.25, "soft": 0.3, "muscle": 0.5, "eye": 0.5},
}
BRAIN_PROBABILITIES = np.round(np.arange(0.01, 0.991, 0.01), 2)
UNIT = 100.0  # a reference's median over the brain
_MEDIAN = 0.5


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Intensities of one head, or their average over several.

    Parameters
    ----------
    classes : ndarray, shape (2, class, quantile)
        T1w and T2w of each of `LANDMARK_CLASSES` at `PROBABILITIES`; NaN for a class of fewer
        than `MIN_VOXELS` voxels.
    voxels : ndarray of int, shape (class,)
        Size of each class.
    brain : ndarray, shape (2, percentile)
        T1w and T2w over the brain mask at `BRAIN_PROBABILITIES`.
    stripe : ndarray, shape (2, 2)
        T1w and T2w: mean and standard deviation over the white stripe.
    """

    classes: Values
    voxels: NDArray[np.int64]
    brain: Values
    stripe: Values

    def quantiles(self, contrast: str, name: str) -> Values:
        """Return the quantiles of one class in one image."""
        row = self.classes[CONTRASTS.index(contrast), LANDMARK_CLASSES.index(name)]
        return np.asarray(row, dtype=np.float64)

    def level(self, contrast: str, name: str) -> float:
        """Return the representative intensity of a class in one image (`LEVELS`)."""
        return float(
            np.interp(LEVELS[contrast][name], PROBABILITIES, self.quantiles(contrast, name))
        )

    def brain_quantile(self, contrast: str, share: float) -> float:
        """Return a quantile over the brain, `share` in [0.01, 0.99]."""
        row = self.brain[CONTRASTS.index(contrast)]
        return float(np.interp(share, BRAIN_PROBABILITIES, row))


def measure(t1w: Volume, t2w_on_t1: Volume, brain: Mask, classes: Mapping[str, Mask]) -> Landmarks:
    """Measure one head.

    Parameters
    ----------
    t1w, t2w_on_t1 : Volume
        Bias-corrected, on one grid.
    brain : ndarray of bool
        Brain mask, without lesions; not empty.
    classes : mapping of str to ndarray of bool
        A mask for each of `LANDMARK_CLASSES`; it may be empty.
    """
    images = (t1w.data, t2w_on_t1.data)
    masks = [classes[name] for name in LANDMARK_CLASSES]
    stripe = white_stripe(t1w.data, brain)
    return Landmarks(
        classes=np.array([[_quantiles(image, mask) for mask in masks] for image in images]),
        voxels=np.array([int(mask.sum()) for mask in masks]),
        brain=np.array([np.nanquantile(image[brain], BRAIN_PROBABILITIES) for image in images]),
        stripe=np.array([[image[stripe].mean(), image[stripe].std()] for image in images]),
    )


def in_percent(landmarks: Landmarks) -> Landmarks:
    """Scale both images so that their median over the brain is `UNIT`."""
    scale = np.array([UNIT / landmarks.brain_quantile(c, _MEDIAN) for c in CONTRASTS])
    return Landmarks(
        landmarks.classes * scale[:, None, None],
        landmarks.voxels,
        landmarks.brain * scale[:, None],
        landmarks.stripe * scale[:, None],
    )


def average(people: Sequence[Landmarks]) -> Landmarks:
    """Average several people's landmarks, each in percent of their own brain's median.

    Parameters
    ----------
    people : sequence of Landmarks
        At least one. A class missing in a person is averaged over the others; NaN where nobody
        has it.

    Notes
    -----
    The mean of quantiles is the quantile of the "average" distribution in the sense of Nyul &
    Udupa 1999 (Magn Reson Med 42:1072), who average histogram landmarks alike.
    """
    scaled = [in_percent(one) for one in people]
    classes = np.array([one.classes for one in scaled])
    there = np.isfinite(classes)
    total = np.where(there, classes, 0).sum(axis=0)
    mean = np.divide(total, there.sum(axis=0), out=np.full_like(total, np.nan), where=there.any(0))
    return Landmarks(
        mean,
        np.sum([one.voxels for one in scaled], axis=0),
        np.mean([one.brain for one in scaled], axis=0),
        np.mean([one.stripe for one in scaled], axis=0),
    )


def _quantiles(image: NDArray[Any], mask: Mask) -> Values:
    values = image[mask].astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size < MIN_VOXELS:
        return np.full(len(PROBABILITIES), np.nan)
    return np.asarray(np.quantile(values, PROBABILITIES))
