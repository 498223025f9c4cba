"""Anchors of the gain of one person's ratio: tissue, CSF, muscle and eyes, in log units."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.brain.tissue import GREY, WHITE
from rt1t2_dask.images.distance import depth_in, eroded_faces
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.classes import MIN_VOXELS, Found, Mask
from rt1t2_dask.ratio.thresholds import otsu

NAMES = ("fluid", "muscle", "eye")
# Set on eight real sessions of six people (four protocols): partial volume reaches 2 mm in.
CORE_MM, LEAST_CORE = 2.0, 300
_LEAST_TISSUE = 200
_WHITE_EROSIONS, _GREY_EROSIONS = 2, 1


@dataclass(frozen=True)
class Anchors:
    """Log T1w/T2w of one scan by tissue; NaN where too few voxels were found.

    Parameters
    ----------
    white, grey : float
        Log of the mean ratio over eroded white and grey matter.
    white_median, grey_median : float
        Log of the median over white matter (eroded once) and over all grey matter, as
        `images.quality` measures them on the calibrated ratio.
    fluid, muscle, eye : float
        Median log ratio of fluid, of fat-free muscle of the temples and of the eyes.
    fluid_voxels : int
        Number of CSF voxels used.
    fluid_is_core : bool
        Whether they lie at least `CORE_MM` from the fluid's boundary.
    """

    white: float
    grey: float
    white_median: float
    grey_median: float
    fluid: float
    muscle: float
    eye: float
    fluid_voxels: int
    fluid_is_core: bool

    @property
    def log_ratio(self) -> float:
        """Mean of white and grey matter's log ratio."""
        return (self.white + self.grey) / 2

    def shifted(self, by: float) -> Anchors:
        """Return the same scan with its ratio times exp(by)."""
        logs = ("white", "grey", "white_median", "grey_median", *NAMES)
        return replace(self, **{name: getattr(self, name) + by for name in logs})

    def numbers(self) -> dict[str, float | int | bool]:
        """Return all numbers by name."""
        return asdict(self)


def measure_anchors(
    t1w: Volume, t2w_on_t1: Volume, brain: Mask, tissue: NDArray[np.uint8], found: Found
) -> Anchors:
    """Measure the anchors of one scan.

    Parameters
    ----------
    t1w, t2w_on_t1 : Volume
        Bias-corrected, on one grid, any positive unit.
    brain : ndarray of bool, shape (x, y, z)
        Brain mask without lesions.
    tissue : ndarray of uint8, shape (x, y, z)
        Labels of `images.tissue`.
    found : Found
        From `find_classes` on the same grid, lesions left out.

    Notes
    -----
    Our method. A receiver's gain shifts all of them by the same amount; biology shifts tissue
    alone. Muscle: log T2w of the temples below Otsu's threshold, which leaves fat out.
    """
    one, two = t1w.data, t2w_on_t1.data
    known = np.isfinite(one) & np.isfinite(two) & (one > 0) & (two > 0)
    white, grey = tissue == WHITE, tissue == GREY
    inside = brain & known
    fluid, is_core = _fluid(found, known, t1w.grid.voxel_mm)
    return Anchors(
        white=_log_mean(one, two, _inner(white, _WHITE_EROSIONS) & inside),
        grey=_log_mean(one, two, _inner(grey, _GREY_EROSIONS) & inside),
        white_median=_median_log(one, two, _inner(white, 1) & inside),
        grey_median=_median_log(one, two, grey & inside),
        fluid=_median_log(one, two, fluid),
        muscle=_median_log(one, two, _lean(two, found.temples & known)),
        eye=_median_log(one, two, found.classes["eye"] & known),
        fluid_voxels=int(fluid.sum()),
        fluid_is_core=is_core,
    )


def _fluid(found: Found, known: Mask, voxel_mm: NDArray[np.float64]) -> tuple[Mask, bool]:
    """Return the innermost CSF, or the CSF class where there is too little."""
    core = np.zeros_like(found.fluid)
    place = _box(found.fluid)
    depth = depth_in(np.pad(found.fluid[place], 1), voxel_mm)
    core[place] = depth[1:-1, 1:-1, 1:-1] > CORE_MM
    core &= known
    if core.sum() >= LEAST_CORE:
        return core, True
    return found.classes["csf"] & known, False


def _box(mask: Mask) -> tuple[slice, ...]:
    """Return the bounding box of a mask; the first voxel where it is empty."""
    if not mask.any():
        return (slice(0, 1),) * mask.ndim
    sides = [np.flatnonzero(mask.any(axis=tuple(set(range(3)) - {axis}))) for axis in range(3)]
    return tuple(slice(int(side[0]), int(side[-1]) + 1) for side in sides)


def _inner(mask: Mask, iterations: int) -> Mask:
    """Erode up to `iterations` times while enough voxels are left."""
    for _ in range(iterations):
        inner = eroded_faces(mask)
        if inner.sum() < _LEAST_TISSUE:
            break
        mask = inner
    return mask


def _lean(two: NDArray[np.floating], temples: Mask) -> Mask:
    if temples.sum() < MIN_VOXELS:
        return temples
    logs = np.log(two, where=temples, out=np.zeros(two.shape))
    return np.asarray(temples & (logs < otsu(logs[temples])))


def _log_mean(one: NDArray[np.floating], two: NDArray[np.floating], where: Mask) -> float:
    if not where.any():
        return float("nan")
    return float(np.log(np.mean(one[where].astype(np.float64) / two[where])))


def _median_log(one: NDArray[np.floating], two: NDArray[np.floating], where: Mask) -> float:
    if where.sum() < MIN_VOXELS:
        return float("nan")
    return float(np.median(np.log(one[where].astype(np.float64) / two[where])))
