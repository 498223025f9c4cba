"""Quality measures, their meaning, and flags for values beyond their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Limit = tuple[float | None, float | None]


@dataclass(frozen=True)
class Measure:
    """One quality measure of a person.

    Parameters
    ----------
    words : str
        Label with unit, for tables and figures.
    low, high : str
        What a value below or above its limits usually means.
    """

    words: str
    low: str = ""
    high: str = ""


_POSE = "wrong pose or registration, or a bad brain mask"
_NO_HEAD = "no T1w of a head, or a wrong pose"
_MASK = "the brain mask misses brain tissue"
_SWAP = "T1w and T2w swapped, another contrast, or a failed registration"
_FLAT = "the calibration flattens the brain"
_STEEP = "the calibration stretches the brain"

MEASURES: Mapping[str, Measure] = {
    "brain_ml": Measure("brain mask (ml)", _MASK, "the brain mask includes non-brain tissue"),
    "head_margin": Measure(
        "similarity of the head's pose over that of the best other pose", _NO_HEAD
    ),
    "head_ncc": Measure("correlation of T1w and template head at 4 mm", _NO_HEAD),
    "head_reach": Measure(
        "fraction of the template brain in the field of view", "the brain is cropped"
    ),
    "face_seen": Measure(
        "fraction of the face in view that is tissue",
        "defaced: less of the head for bias correction and calibration",
    ),
    "mask_dice": Measure("Dice of the brain mask and the template's", _MASK),
    "registration_ncc": Measure("correlation of T1w and template", _POSE),
    "registration_mi": Measure("mutual information of T1w and template (nats)", _POSE),
    "affine_volume": Measure("volume relative to the template, affine", _POSE, _POSE),
    "jacobian_min": Measure("smallest local volume change", _POSE),
    "jacobian_max": Measure("largest local volume change", "", _POSE),
    "jacobian_folded": Measure("fraction of the brain where the deformation folds", "", _POSE),
    "mutual_information": Measure(
        "mutual information of T2w and T1w (nats)", "T2w and T1w are misaligned"
    ),
    "t1w_white_grey": Measure("ratio of white to grey matter, T1w", _SWAP, _SWAP),
    "t2w_csf_white": Measure("ratio of CSF to white matter, T2w", _SWAP),
    "bias_left_t1w": Measure("residual bias field, T1w", "", "bias correction failed"),
    "bias_left_t2w": Measure("residual bias field, T2w", "", "bias correction failed"),
    "white_cv_t1w": Measure(
        "coefficient of variation in white matter, T1w", "", "noise, motion or bias"
    ),
    "cjv_t1w": Measure("coefficient of joint variation (CJV), T1w", "", "noise, motion or bias"),
    "snr_t1w": Measure("signal-to-noise ratio in white matter, T1w", "noise or motion"),
    "extrapolated_t1w": Measure(
        "fraction of the brain extrapolated by calibration, T1w", "", _FLAT
    ),
    "extrapolated_t2w": Measure(
        "fraction of the brain extrapolated by calibration, T2w", "", _FLAT
    ),
    "contrast_kept_t1w": Measure("contrast preserved by calibration, T1w", _FLAT, _STEEP),
    "contrast_kept_t2w": Measure("contrast preserved by calibration, T2w", _FLAT, _STEEP),
    "ratio_white_grey": Measure("ratio of white to grey matter, T1w/T2w", _FLAT, _STEEP),
    "ratio_white_cv": Measure(
        "coefficient of variation in white matter, T1w/T2w", "", "noise or residual bias"
    ),
    "regions_under_half": Measure(
        "regions measured in less than half, not by lesions",
        "",
        "limited field of view or a bad registration",
    ),
    "lesion_ml": Measure("lesion (ml)", "", "larger than lesions the registration was tested on"),
    "lesion_outside_share": Measure(
        "fraction of the lesion outside the brain",
        "",
        "drawn on another image, or missing from the brain mask",
    ),
}


def beyond(numbers: Mapping[str, float | None], limits: Mapping[str, Limit]) -> list[str]:
    """List values beyond their limits, and what that usually means.

    Parameters
    ----------
    numbers : mapping of str to float
        By name of `MEASURES`; None or NaN where missing: no flag.
    limits : mapping of str to (low, high)
        Both ends are allowed; None for no limit.

    Returns
    -------
    list of str
        One phrase a value, such as ``brain_ml 612 is under 900 (the brain mask misses brain
        tissue)``.
    """
    found = []
    for name, (low, high) in limits.items():
        value = numbers.get(name)
        if value is None or value != value:
            continue
        if low is not None and value < low:
            found.append(_phrase(name, value, "under", low, MEASURES[name].low))
        if high is not None and value > high:
            found.append(_phrase(name, value, "over", high, MEASURES[name].high))
    return found


def _phrase(name: str, value: float, side: str, limit: float, meaning: str) -> str:
    words = f" ({meaning})" if meaning else ""
    return f"{name} {value:.3g} is {side} {limit:g}{words}"
