"""Quality measures of one person's images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.brain.tissue import GREY, WHITE
from rt1t2_dask.images.distance import eroded_faces
from rt1t2_dask.images.registration.inverse import jacobian
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Affine, Grid, Volume

Mask = NDArray[np.bool_]
Values = NDArray[np.float64]
Numbers = dict[str, float]

MI_BINS = 32
SURE = 0.9
_LEAST = 200
_TO_SD = 1.4826  # of a normal distribution's median absolute deviation


@dataclass(frozen=True)
class Person:
    """Processed images of one person.

    Parameters
    ----------
    t1w, t2w : Volume
        Bias-corrected, each on its own grid.
    rigid : ndarray, shape (4, 4)
        T1w mm to T2w mm.
    brain : ndarray of bool
        Brain mask on the T1w grid.
    tissue : ndarray of uint8
        Labels of `images.tissue`.
    ratio : ndarray
        Ratio on the T1w grid, NaN where not measured.
    warp : Warp
        Template to subject.
    lesion : ndarray of bool, optional
        On the T1w grid.
    """

    t1w: Volume
    t2w: Volume
    rigid: Affine
    brain: Mask
    tissue: NDArray[np.uint8]
    ratio: NDArray[np.floating]
    warp: Warp
    lesion: Mask | None = None


@dataclass(frozen=True)
class Template:
    """The template brain on one grid: T1w, mask, and probabilities of grey and white matter."""

    t1w: Volume
    brain: Mask
    grey: NDArray[np.floating]
    white: NDArray[np.floating]


def measure(person: Person, template: Template) -> Numbers:
    """Compute all quality measures.

    Parameters
    ----------
    person : Person
    template : Template
        On the grid of the comparison; 2 mm suffices.

    Returns
    -------
    dict of str to float
        By name of `images.judge.MEASURES`; NaN where it cannot be measured.
    """
    grid = template.t1w.grid
    seen = template.brain.copy()
    if person.lesion is not None:
        lesion = person.t1w.with_data(person.lesion)
        seen &= ~to_grid(lesion, grid, warp=person.warp, order=0).data
    t1w = to_grid(person.t1w, grid, warp=person.warp, order=1, outside=np.nan, within=seen).data
    t2w = to_grid(
        person.t2w, grid, warp=person.warp, rigid=person.rigid, order=1, outside=np.nan, within=seen
    ).data
    mask = person.t1w.with_data(person.brain)
    inside = to_grid(mask, grid, warp=person.warp, order=0).data
    return {
        **_registration(template, t1w, seen),
        "mask_dice": _dice(inside, template.brain),
        **_contrasts(template, t1w, t2w, seen),
        **_field(person.warp, template),
        **_scan("t1w", person.t1w.data, person.tissue),
        "bias_left_t1w": bias_left(person.t1w.data, person.tissue == WHITE),
        **_ratio(person.ratio, person.tissue),
    }


def _registration(template: Template, t1w: Values, seen: Mask) -> Numbers:
    known = seen & np.isfinite(t1w)
    a, b = template.t1w.data[known].astype(np.float64), t1w[known].astype(np.float64)
    if len(a) < _LEAST or a.std() == 0 or b.std() == 0:
        return {"registration_ncc": np.nan, "registration_mi": np.nan}
    ncc = float(np.corrcoef(a, b)[0, 1])
    return {"registration_ncc": ncc, "registration_mi": mutual_information(a, b)}


def mutual_information(a: Values, b: Values, bins: int = MI_BINS) -> float:
    """Return the mutual information of paired values in nats, from a joint histogram.

    Bins divide the range from the 0.5th to the 99.5th percentile of each evenly.
    """
    cells = bins * _binned(a, bins) + _binned(b, bins)
    joint = np.bincount(cells, minlength=bins * bins).reshape(bins, bins) / len(a)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / apart[there])).sum())


def _binned(values: Values, bins: int) -> NDArray[np.intp]:
    low, high = np.quantile(values, [0.005, 0.995])
    share = (values - low) / max(high - low, 1e-12)
    return np.asarray(np.clip((share * bins).astype(np.intp), 0, bins - 1))


def _contrasts(template: Template, t1w: Values, t2w: Values, seen: Mask) -> Numbers:
    """Compare tissues where the template's probabilities are high, whatever the segmentation."""
    fluid = 1.0 - template.grey - template.white
    known = seen & np.isfinite(t1w) & np.isfinite(t2w)
    white, grey, csf = (known & (p > SURE) for p in (template.white, template.grey, fluid))
    if min(int(m.sum()) for m in (white, grey, csf)) < _LEAST / 10:
        return {name: np.nan for name in ("t1w_white_grey", "t2w_csf_white", "bias_left_t2w")}
    return {
        "bias_left_t2w": bias_left(t2w, white),
        "t1w_white_grey": _quotient(t1w, white, grey),
        "t2w_csf_white": _quotient(t2w, csf, white),
    }


def _quotient(image: Values, upper: Mask, lower: Mask) -> float:
    below = float(np.median(image[lower]))
    return float(np.median(image[upper])) / below if below > 0 else np.nan


def _field(warp: Warp, template: Template) -> Numbers:
    volume = float(np.linalg.det(warp.affine[:3, :3]))
    if warp.displacement is None or warp.grid is None:
        return {"affine_volume": volume}
    grid = warp.grid
    local = jacobian(warp.displacement, grid)
    brain = to_grid(template.t1w.with_data(template.brain), grid, order=0).data
    inside = local[brain]
    return {
        "affine_volume": volume,
        "jacobian_min": float(inside.min()),
        "jacobian_max": float(inside.max()),
        "jacobian_folded": float((inside <= 0).mean()),
    }


def _scan(name: str, image: NDArray[np.floating], tissue: NDArray[np.uint8]) -> Numbers:
    """Return noise and homogeneity of one image over its tissues.

    Notes
    -----
    ``cjv``: coefficient of joint variation (Ganzetti et al. 2016, Front Neuroinform 10:10), with
    medians and median absolute deviations. ``snr``: median of white matter over the noise that
    estimated from differences of neighbours.
    """
    white, grey = image[_core(tissue == WHITE)], image[tissue == GREY]
    if min(len(white), len(grey)) < _LEAST:
        return {f"{key}_{name}": np.nan for key in ("white_cv", "cjv", "snr")}
    middle, spread = _robust(white)
    other, other_spread = _robust(grey)
    noise = _noise(image, tissue == WHITE)
    return {
        f"white_cv_{name}": spread / middle if middle > 0 else np.nan,
        f"cjv_{name}": (spread + other_spread) / max(abs(middle - other), 1e-12),
        f"snr_{name}": middle / noise if noise > 0 else np.nan,
    }


def bias_left(image: NDArray[np.floating], white: Mask) -> float:
    """Measure the residual bias field in white matter.

    Parameters
    ----------
    image : ndarray, shape (x, y, z)
    white : ndarray of bool

    Returns
    -------
    float
        Standard deviation over white matter of the quadratic polynomial of position that fits
        the logarithm of intensity best: 0.1 is a field that varies by 10 %.
    """
    core = _core(white) & np.isfinite(image) & (image > 0)
    index = np.argwhere(core)
    if len(index) < _LEAST:
        return float("nan")
    step = max(1, len(index) // 20_000)
    index, values = index[::step], np.log(image[core][::step].astype(np.float64))
    where = (index - index.mean(axis=0)) / np.maximum(index.std(axis=0), 1e-9)
    pairs = [where[:, i] * where[:, j] for i in range(3) for j in range(i, 3)]
    design = np.column_stack([np.ones(len(where)), *where.T, *pairs])
    low, high = np.quantile(values, [0.05, 0.95])
    kept = (values >= low) & (values <= high)
    weights = np.linalg.lstsq(design[kept], values[kept], rcond=None)[0]
    return float((design @ weights).std())


def _ratio(ratio: NDArray[np.floating], tissue: NDArray[np.uint8]) -> Numbers:
    """Return medians, variation and the ratio of white to grey; undefined for a signed ratio."""
    known = np.isfinite(ratio)
    white, grey = ratio[_core(tissue == WHITE) & known], ratio[(tissue == GREY) & known]
    if min(len(white), len(grey)) < _LEAST or np.median(grey) <= 0 or np.median(white) <= 0:
        names = ("ratio_white_cv", "ratio_white_grey", "ratio_white", "ratio_grey")
        return dict.fromkeys(names, np.nan)
    (middle, spread), other = _robust(white), _robust(grey)[0]
    return {
        "ratio_white_cv": spread / middle,
        "ratio_white_grey": middle / other,
        "ratio_white": middle,
        "ratio_grey": other,
    }


def coverage(
    shares: NDArray[np.floating],
    names: Mapping[int, str],
    lesion: NDArray[np.floating] | float = 0.0,
) -> dict[str, float | str]:
    """Summarise how much of each region was measured.

    Parameters
    ----------
    shares : ndarray, shape (region,)
        Fraction of a region's voxels that were measured; NaN for a region outside the grid.
    names : mapping of int to str
        Name of each region, in the order of `shares`.
    lesion : ndarray, shape (region,), or float
        Share of each region inside a lesion mask, 0 to 1: left out on purpose.

    Returns
    -------
    dict
        ``regions_under_half``: regions measured in less than half of their voxels, not because of
        the lesion; ``regions_lesioned``: those because of it.
    """
    known = np.nan_to_num(shares)
    lowest = int(known.argmin())
    under, lost = known < 0.5, known + lesion < 0.5
    return {
        "least_region_coverage": float(known[lowest]),
        "least_covered_region": list(names.values())[lowest],
        "regions_under_half": int(lost.sum()),
        "regions_lesioned": int((under & ~lost).sum()),
    }


def _core(mask: Mask) -> Mask:
    """Erode a mask, unless hardly anything would be left."""
    inner = eroded_faces(mask)
    return inner if inner.sum() >= _LEAST else mask


def _noise(image: NDArray[np.floating], mask: Mask) -> float:
    both = mask[1:] & mask[:-1]
    steps = np.diff(image.astype(np.float64), axis=0)[both]
    return _robust(steps)[1] / np.sqrt(2) if len(steps) else 0.0


def _robust(values: NDArray[np.floating]) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, _TO_SD * float(np.median(np.abs(values - middle)))


def _dice(a: Mask, b: Mask) -> float:
    return float(2 * (a & b).sum() / max(int(a.sum() + b.sum()), 1))


def on_grid(template: Template, grid: Grid) -> Template:
    """Resample the template to another grid."""
    t1w, grey, white = (
        to_grid(template.t1w.with_data(data), grid, order=1)
        for data in (template.t1w.data, template.grey, template.white)
    )
    brain = to_grid(template.t1w.with_data(template.brain), grid, order=0).data
    return Template(t1w, np.asarray(brain, dtype=np.bool_), grey.data, white.data)
