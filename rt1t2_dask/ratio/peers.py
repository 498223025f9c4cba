"""Published calibrations by their papers' formulas: linear maps and histogram landmarks."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.ratio.intensity_map import IntensityMap, Values
from rt1t2_dask.ratio.landmarks import Landmarks

NYUL_SHARES = (0.01, *np.round(np.arange(0.1, 0.91, 0.1), 1), 0.99)


def linear_external(person: Landmarks, reference: Landmarks, contrast: str) -> IntensityMap:
    """Map linearly through the medians of eye fluid and temporal muscle.

    Raises
    ------
    SubjectError
        Both are equally bright, or in reverse order to the reference.

    Notes
    -----
    Ganzetti et al. 2014, Front Hum Neurosci 8:671:
    Ic = (XR - YR) / (XS - YS) I + (XS YR - XR YS) / (XS - YS), X the eye and Y the muscle of the
    subject (S) and of the reference (R). In a T1w the whole brain lies above that range.
    """
    eye, muscle = (
        (person.level(contrast, name), reference.level(contrast, name))
        for name in ("eye", "muscle")
    )
    if (eye[0] - muscle[0]) * (eye[1] - muscle[1]) <= 0:
        raise SubjectError(
            f"{contrast}: eye fluid ({eye[0]:.4g}) and temporal muscle ({muscle[0]:.4g}) differ "
            f"from the reference in their order of brightness: eyes cropped, or another contrast?",
            "Choose another calibration= for the whole cohort (gm_median needs no tissue outside "
            "the brain), or leave the subject out with cohort.exclude.",
        )
    low, high = sorted((eye, muscle))
    return IntensityMap(np.array([low[0], high[0]]), np.array([low[1], high[1]]))


def whitestripe(person: Landmarks, reference: Landmarks, contrast: str) -> IntensityMap:
    """Map linearly so that the white stripe has the reference's mean and standard deviation.

    Notes
    -----
    Shinohara et al. 2014: z = (I - mean) / sd over the stripe. z has both signs and no ratio, so
    it is brought to the reference's scale: mean_R + sd_R z.
    """
    rows = [one.stripe[("t1w", "t2w").index(contrast)] for one in (person, reference)]
    x, y = (np.array([mean - sd, mean + sd]) for mean, sd in rows)
    return IntensityMap(x, y)


def nyul(person: Landmarks, reference: Landmarks, contrast: str) -> IntensityMap:
    """Map the brain's deciles, 1 and 99 % onto the reference's, linear between them.

    Notes
    -----
    Nyul & Udupa 1999, Magn Reson Med 42:1072; Nyul, Udupa & Zhang 2000, IEEE Trans Med Imaging
    19:143 (landmarks L4: deciles). It equalises histograms: a change of the whole brain is removed.
    """
    x, y = (_landmarks(one, contrast) for one in (person, reference))
    keep = np.concatenate([[True], (np.diff(x) > 0) & (np.diff(y) > 0)])
    return IntensityMap(x[keep], y[keep])


def _landmarks(one: Landmarks, contrast: str) -> Values:
    return np.array([one.brain_quantile(contrast, float(share)) for share in NYUL_SHARES])
