"""Calibration: intensity maps of one person, by each available method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.ratio.classes import CLASS_NAMES, LANDMARK_CLASSES, MIN_VOXELS
from rt1t2_dask.ratio.intensity_map import IntensityMap, apply
from rt1t2_dask.ratio.landmarks import CONTRASTS, UNIT, Landmarks
from rt1t2_dask.ratio.peers import linear_external, nyul, whitestripe
from rt1t2_dask.ratio.reference import Reference

KINDS = ("eb_gain", "mrtool_style", "gm_median", "linear_external", "whitestripe", "nyul", "none")
UNITS = {
    "eb_gain": "ratio of scanner intensities, each person's gain removed within protocols",
    "mrtool_style": "ratio of intensities matched to the reference on CSF, bone and soft tissue",
    "gm_median": "(T1w - s T2w) / (T1w + s T2w), s from grey-matter medians; -1 to 1, grey near 0",
    "linear_external": "ratio of intensities matched to the reference on eyes and temporal muscle",
    "whitestripe": "ratio of intensities matched to the reference on the white stripe",
    "nyul": "ratio of intensities matched to the reference on the brain's histogram",
    "none": "ratio of scanner intensities; not comparable between scanners or gains",
}
MAPPED = ("mrtool_style", "linear_external", "whitestripe", "nyul")
NEEDED_CLASSES = {"mrtool_style": CLASS_NAMES, "linear_external": ("eye", "muscle")}
TRUSTED_CONTRAST = (0.5, 2.0)
_REMEDY = (
    "Choose another calibration= for the whole cohort (calibration=gm_median needs no tissue "
    "outside the brain), or leave the subject out with cohort.exclude."
)
_Pair = tuple[float, float]
_POWER_KNOTS = 129
_MapOf = Callable[[Landmarks, Reference, str], IntensityMap]


@dataclass(frozen=True)
class Calibration:
    """The intensity maps of one person and their quality.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    maps : dict of str to IntensityMap
        By contrast (``t1w``, ``t2w``); empty for ``gm_median`` and ``none``.
    record : dict
        ``kind``, ``units``; for maps also ``contrast_kept_*`` (`contrast_kept`),
        ``extrapolated_*`` (share of the brain outside the matched intensities, 0 to 1),
        ``levels_*`` of each class found (percent of the brain's median), ``voxels`` of each
        class; ``flag`` where the result is doubtful.
    """

    kind: str
    maps: dict[str, IntensityMap] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)


def calibrate(kind: str, person: Landmarks, reference: Reference) -> Calibration:
    """Calibrate one person.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    person : Landmarks
        From `landmarks.measure`.
    reference : Reference
        From `load_reference` or `of_people`.

    Raises
    ------
    SubjectError
        A class is missing (defaced, cropped); T1w and T2w look swapped; or the classes differ from
        the reference in their order of brightness (fat-suppressed), so that no monotone map exists.
    """
    record: dict[str, Any] = {"kind": kind, "units": UNITS[kind]}
    if kind not in MAPPED:
        return Calibration(kind, {}, record)
    _check_sizes(person, NEEDED_CLASSES.get(kind, ()))
    _check_contrasts(person)
    _check_reference(reference.landmarks, NEEDED_CLASSES.get(kind, ()))
    maps = {contrast: _MAPS[kind](person, reference, contrast) for contrast in CONTRASTS}
    for contrast in CONTRASTS:
        record[f"extrapolated_{contrast}"] = extrapolated_share(maps[contrast], person, contrast)
        record[f"contrast_kept_{contrast}"] = contrast_kept(maps[contrast], person, contrast)
        record[f"levels_{contrast}"] = _levels(person, contrast)
    record["voxels"] = dict(zip(LANDMARK_CLASSES, person.voxels.tolist(), strict=True))
    doubt = contrast_doubt(record)
    return Calibration(kind, maps, record | ({"flag": doubt} if doubt else {}))


def mrtool_style(person: Landmarks, reference: Reference, contrast: str) -> IntensityMap:
    """Map CSF and soft tissue onto the reference's: linear in T1w, a power law in T2w.

    Raises
    ------
    SubjectError
        CSF and soft tissue differ from the reference in their order of brightness.

    Notes
    -----
    Ours; MRTool's nonlinear function is unpublished. One intensity stands for each class, so that
    noise and thickness of fat, which spread a class, do not flatten the map. In T2w fluid is
    several times as bright as all else, and a gamma bends what lies between: a power law through
    both undoes gain and gamma exactly. In T1w the brain lies round or above soft tissue, where a
    power law magnifies an offset and one slope, that between CSF and soft tissue, does not. Bone
    bears only on what is darker in T1w, and is left out where noise or marrow brings it among
    them.
    """
    level = {
        name: (person.level(contrast, name), reference.landmarks.level(contrast, name))
        for name in CLASS_NAMES
    }
    low, high = sorted((level["csf"], level["soft"]), key=lambda pair: pair[1])
    if low[0] >= high[0]:
        found = ", ".join(f"{name} {level[name][0]:.4g}" for name in ("csf", "soft"))
        raise SubjectError(
            f"{contrast}: CSF and soft tissue differ from the reference in their order of "
            f"brightness ({found}): fat-suppressed, or another contrast?",
            _REMEDY,
        )
    if contrast == "t2w":
        return _power_law(low, high)
    knots = np.array([*_towards_bone(level["bone"], low, high), low, high])
    return IntensityMap(knots[:, 0], knots[:, 1])


def _power_law(low: _Pair, high: _Pair) -> IntensityMap:
    """Return y = c x^k through two points, with dense knots far beyond both."""
    x = np.geomspace(low[0] / 16, 2 * high[0], _POWER_KNOTS)
    power = np.log(high[1] / low[1]) / np.log(high[0] / low[0])
    return IntensityMap(x, low[1] * (x / low[0]) ** power)


def _towards_bone(bone: _Pair, low: _Pair, high: _Pair) -> list[_Pair]:
    """Extrapolate linearly below CSF and soft tissue half of the way to bone, then to bone."""
    slope = (high[1] - low[1]) / (high[0] - low[0])
    half = (bone[0] + low[0]) / 2
    bend = (half, low[1] - slope * (low[0] - half))
    return [bone, bend] if bone[0] < low[0] and bone[1] < bend[1] else []


_MAPS: dict[str, _MapOf] = {
    "mrtool_style": mrtool_style,
    "linear_external": lambda p, r, c: linear_external(p, r.landmarks, c),
    "whitestripe": lambda p, r, c: whitestripe(p, r.landmarks, c),
    "nyul": lambda p, r, c: nyul(p, r.landmarks, c),
}


def contrast_kept(intensity_map: IntensityMap, person: Landmarks, contrast: str) -> float:
    """Compute the log-log slope of the map over the interquartile range of the brain.

    1 for a pure gain: a relative difference of the scan is multiplied by it. Far below 1, the map
    compresses the brain's contrast and every effect.
    """
    low, high = (person.brain_quantile(contrast, share) for share in (0.25, 0.75))
    if not high > low > 0:
        return float("nan")
    mapped = apply(intensity_map, np.array([low, high])).astype(np.float64)
    return float(np.log(mapped[1] / mapped[0]) / np.log(high / low))


def extrapolated_share(intensity_map: IntensityMap, person: Landmarks, contrast: str) -> float:
    """Compute the fraction of the brain's intensities outside the knots, to the nearest percent."""
    values = person.brain[CONTRASTS.index(contrast)]
    x = intensity_map.knots_x
    return float(np.mean((values < x[0]) | (values > x[-1])))


def contrast_doubt(record: dict[str, Any]) -> str | None:
    """Describe which image's contrast the calibration changed beyond `TRUSTED_CONTRAST`.

    Returns
    -------
    str or None
        None when both can be trusted.
    """
    low, high = TRUSTED_CONTRAST
    kept = {"T1w": record["contrast_kept_t1w"], "T2w": record["contrast_kept_t2w"]}
    bad = [f"{name} by {value:.2f}" for name, value in kept.items() if not low <= value <= high]
    if not bad:
        return None
    return (
        f"calibration multiplied the brain's relative contrast in {' and '.join(bad)} "
        f"({low:g} to {high:g} is usual): check this subject's ratio, or choose another "
        "calibration= for the whole cohort."
    )


def _levels(person: Landmarks, contrast: str) -> dict[str, float]:
    scale = UNIT / person.brain_quantile(contrast, 0.5)
    levels = {name: scale * person.level(contrast, name) for name in LANDMARK_CLASSES}
    return {name: level for name, level in levels.items() if np.isfinite(level)}


def _check_sizes(person: Landmarks, needed: tuple[str, ...]) -> None:
    for name in needed:
        count = int(person.voxels[LANDMARK_CLASSES.index(name)])
        if count < MIN_VOXELS:
            raise SubjectError(
                f"calibration found {count} voxels of {name} (at least {MIN_VOXELS} are needed): "
                "skull-stripped, defaced, cropped or fat-suppressed?",
                _REMEDY,
            )


def _check_reference(landmarks: Landmarks, needed: tuple[str, ...]) -> None:
    lacking = [n for n in needed if not np.isfinite(landmarks.level(CONTRASTS[0], n))]
    if lacking:
        raise SubjectError(
            f"none of the controls has {' or '.join(lacking)}: no reference for calibration.",
            "Set calibration.reference=icbm, or calibration=gm_median for the whole cohort.",
        )


def _check_contrasts(person: Landmarks) -> None:
    """Refuse a swapped pair: CSF is dark in the T1w and bright in the T2w."""
    tails = []
    for contrast in CONTRASTS:
        low, middle, high = (person.brain_quantile(contrast, q) for q in (0.02, 0.5, 0.98))
        tails.append((high - middle) - (middle - low))
    if tails[0] > 0 > tails[1]:
        raise SubjectError(
            "CSF is bright in the T1w and dark in the T2w: are they swapped?",
            "Swap the two files, or leave the subject out with cohort.exclude.",
        )
