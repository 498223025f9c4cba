"""What each quality number means, and flags for those beyond their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Limit = tuple[float | None, float | None]


@dataclass(frozen=True)
class Measure:
    """One number about a person.

    Parameters
    ----------
    words : str
        What it is, with its unit, for tables and figures.
    low, high : str
        What a value under or over its limits usually means.
    """

    words: str
    low: str = ""
    high: str = ""


_POSE = "wrong pose or registration, or a bad brain mask"
_NO_HEAD = "no T1w of a head, or a wrong pose"
_MASK = "the brain mask misses brain"
_SWAP = "T1w and T2w swapped, another contrast, or a failed registration"
_FLAT = "the calibration flattens the brain"
_STEEP = "the calibration stretches the brain"

MEASURES: Mapping[str, Measure] = {
    "brain_ml": Measure("brain mask (ml)", _MASK, "the brain mask holds more than brain"),
    "head_margin": Measure("likeness of the head's pose over the best other pose's", _NO_HEAD),
    "head_ncc": Measure("correlation of T1w and template head, at 4 mm", _NO_HEAD),
    "head_reach": Measure("share of a brain in the field of view", "the brain is cut"),
    "face_seen": Measure(
        "share of the face in view that is tissue",
        "defaced: bias correction and calibration see less of the head",
    ),
    "mask_dice": Measure("Dice of the brain mask with the template's", _MASK),
    "registration_ncc": Measure("correlation of T1w and template", _POSE),
    "registration_mi": Measure("mutual information of these (nats)", _POSE),
    "affine_volume": Measure("volume against the template, affine", _POSE, _POSE),
    "jacobian_min": Measure("smallest local volume change", _POSE),
    "jacobian_max": Measure("largest local volume change", "", _POSE),
    "jacobian_folded": Measure("share of the brain where the field folds", "", _POSE),
    "mutual_information": Measure(
        "mutual information of T2w and T1w (nats)", "the T2w does not lie on the T1w"
    ),
    "t1w_white_grey": Measure("white over grey matter in the T1w", _SWAP, _SWAP),
    "t2w_csf_white": Measure("CSF over white matter in the T2w", _SWAP),
    "bias_left_t1w": Measure("bias field left in the T1w", "", "bias correction failed"),
    "bias_left_t2w": Measure("bias field left in the T2w", "", "bias correction failed"),
    "white_cv_t1w": Measure("variation in white matter, T1w", "", "noise, motion or bias"),
    "cjv_t1w": Measure("joint variation of grey and white, T1w", "", "noise, motion or bias"),
    "snr_t1w": Measure("signal to noise in white matter, T1w", "noise or motion"),
    "extrapolated_t1w": Measure("brain beyond the calibration's knots, T1w", "", _FLAT),
    "extrapolated_t2w": Measure("brain beyond the calibration's knots, T2w", "", _FLAT),
    "contrast_kept_t1w": Measure("contrast kept by calibration, T1w", _FLAT, _STEEP),
    "contrast_kept_t2w": Measure("contrast kept by calibration, T2w", _FLAT, _STEEP),
    "ratio_white_grey": Measure("white over grey matter in the ratio", _FLAT, _STEEP),
    "ratio_white_cv": Measure("variation in white matter, ratio", "", "noise or bias left"),
    "regions_under_half": Measure(
        "regions measured to less than half, lesions apart",
        "",
        "field of view or a bad registration",
    ),
    "lesion_ml": Measure("lesion (ml)", "", "larger than what registration was tried on"),
    "lesion_outside_share": Measure(
        "lesion outside the brain (share)", "", "drawn on another image, or the brain mask lacks it"
    ),
}


def beyond(numbers: Mapping[str, float | None], limits: Mapping[str, Limit]) -> list[str]:
    """Say which numbers lie beyond their limits, and what that usually means.

    Parameters
    ----------
    numbers : mapping of str to float
        By name of `MEASURES`; None or NaN where there is none: that is no flag.
    limits : mapping of str to (low, high)
        Both ends belong to what is allowed; None where there is no limit.

    Returns
    -------
    list of str
        One phrase a number, such as ``brain_ml 612 is under 900 (the brain mask misses brain)``.
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
