"""CSF, skull, muscle and eyes of one head: the tissue classes of calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_fill_holes,
    uniform_filter,
)

from rt1t2_dask.images.distance import depth_in, distance_from, eroded_faces
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.thresholds import otsu

Mask = NDArray[np.bool_]
Field = NDArray[np.floating]
Classes = dict[str, Mask]

CLASS_NAMES = ("csf", "bone", "soft")
LANDMARK_CLASSES = (*CLASS_NAMES, "muscle", "eye")

MIN_VOXELS = 60
_FINE_MM = 2.0
_CLOSING_MM = 8.0
_RIM_FROM_BRAIN_MM = (2.0, 25.0)
_BONE_FROM_BRAIN_MM = (2.0, 14.0)
_MUSCLE_FROM_BRAIN_MM = (4.0, 25.0)
_SOFT_FROM_BRAIN_MM = (5.0, 25.0)
# In T1w fat begins above muscle by this share of the distance from CSF to muscle, all in logs, so
# that gain and gamma move the limit with the tissues: usually 1.7 times muscle, fat being 2 to 4.
_FAT_OVER_MUSCLE = 2 / 3
_DEPTH_MM = 4.0
_EYE_DEPTH_MM = 2.0
# Shares of the brain's extent, left to right, back to front, bottom to top.
# The base is a maze of air and fat, and the forehead holds the frontal sinus.
_VAULT = ((-np.inf, np.inf), (-np.inf, 0.8), (0.3, np.inf))
_TEMPLES = (
    ((-np.inf, 0.15), (0.45, 0.95), (0.2, 0.55)),
    ((0.85, np.inf), (0.45, 0.95), (0.2, 0.55)),
)
_EYES = (
    ((0.10, 0.42), (0.85, 1.25), (-0.05, 0.32)),
    ((0.58, 0.90), (0.85, 1.25), (-0.05, 0.32)),
)
_EXTENT = (0.02, 0.98)
PRIOR_CLASSES = {"bone": 3, "soft": 4}  # in SPM's order of six
_CERTAIN = 0.5
_PURE_FLUID = 0.25
_DARKEST = 0.1  # of muscle: fluid that a scanner set to nothing has no logarithm


@dataclass(frozen=True)
class Places:
    """Search regions of each class, before intensities decide.

    Parameters
    ----------
    csf, bone, soft, muscle, eye : ndarray of bool, shape (x, y, z)
    rim : ndarray of bool
        The vault from the brain to the skin.
    """

    csf: Mask
    bone: Mask
    soft: Mask
    muscle: Mask
    eye: Mask
    rim: Mask


@dataclass(frozen=True)
class Found:
    """Tissue classes found in one head.

    Parameters
    ----------
    classes : dict of str to ndarray of bool
        As `external_classes` returns.
    fluid : ndarray of bool, shape (x, y, z)
        All fluid of the brain, not eroded.
    temples : ndarray of bool, shape (x, y, z)
        Muscle and fat of the temples, at any intensity, eroded by one voxel.
    """

    classes: Classes
    fluid: Mask
    temples: Mask


def external_classes(
    t1w: Volume,
    t2w_on_t1: Volume,
    brain: Mask,
    exclude: Mask | None = None,
    pose: NDArray[np.floating] | None = None,
    prior: Mapping[str, Field] | None = None,
) -> Classes:
    """Find the classes in the subject's own head, with or without a template's prior.

    Parameters, result and method: `find_classes`, whose ``classes`` these are.
    """
    return find_classes(t1w, t2w_on_t1, brain, exclude, pose, prior).classes


def find_classes(
    t1w: Volume,
    t2w_on_t1: Volume,
    brain: Mask,
    exclude: Mask | None = None,
    pose: NDArray[np.floating] | None = None,
    prior: Mapping[str, Field] | None = None,
) -> Found:
    """Find the classes, the fluid and the temples in the subject's own head.

    Parameters
    ----------
    t1w, t2w_on_t1 : Volume
        Bias-corrected, on one grid, any positive unit; the whole head is in view.
    brain : ndarray of bool, shape (x, y, z)
        Brain mask.
    exclude : ndarray of bool, optional
        Lesions and other voxels to exclude.
    pose : ndarray, shape (4, 4), optional
        Upright template mm to subject mm (`images.brain.Brain.affine`); without it the head is
        assumed upright in the scanner.
    prior : mapping of str to ndarray, optional
        Probabilities of `PRIOR_CLASSES` in [0, 1], brought to the subject by an affine: these two
        are then looked for only where they are at least 0.5 likely. CSF is not: an affine does
        not find the ventricles of an atrophied brain.

    Returns
    -------
    Found
        Classes: ``csf``: inside the brain mask, dark in T1w and bright in T2w. ``bone``: the vault
        between brain and scalp, dark in both. ``soft``: scalp, muscle and fat outside the bone,
        brighter than it in T1w. ``muscle``: the same at the temples, darker than fat in T1w.
        ``eye``: the fluid of the eyes. Each eroded by one voxel; possibly empty.

    Notes
    -----
    Ours: thresholds by Otsu (1979) within the brain and within the shell round it, so that gain,
    offset and mild gamma hardly move them. A prior alone, brought by an affine, is half grey matter
    where it says CSF and half marrow where it says bone, so intensities decide within it. Fat is
    separated from muscle at the temples, where both occur (Ganzetti et al. 2014 take temporal
    muscle as an anchor). Soft tissue keeps its fat: a limit that leaves it out passes through the
    bulk of some people's scalps and above that of others, whose class is then another tissue.
    `landmarks.LEVELS` reads it below its median, where there is less of it.
    """
    voxel_mm = t1w.grid.voxel_mm
    one, two = t1w.data, t2w_on_t1.data
    allowed = np.isfinite(one) & np.isfinite(two) & (two > 0)
    if exclude is not None:
        allowed &= ~exclude
    inside = brain & allowed
    if not inside.any():
        nothing = np.zeros(brain.shape, bool)
        return Found(dict.fromkeys(LANDMARK_CLASSES, nothing), nothing, nothing)
    depth = depth_in(head_mask(t1w, brain), voxel_mm)
    places = _places(t1w, brain, allowed, depth, pose)
    bright, dark = _fluid_thresholds(one[inside], two[inside])
    fluid = (two > bright) & (one < dark)
    temples = eroded(places.muscle, voxel_mm)
    signal, fat = _soft_thresholds(one, places, one[eroded(places.csf & fluid, voxel_mm)])
    if prior is not None:
        places = _likely(places, prior)
    found = {
        "csf": places.csf & fluid,
        "bone": places.bone & (one < signal) & (two < np.median(two[inside])),
        "soft": places.soft & (one >= signal),
        "muscle": places.muscle & (one >= signal) & (one < fat),
        "eye": places.eye & fluid,
    }
    classes = {name: eroded(mask, voxel_mm) for name, mask in found.items()}
    return Found(classes, inside & fluid, temples)


def _places(
    t1w: Volume,
    brain: Mask,
    allowed: Mask,
    depth: Field,
    pose: NDArray[np.floating] | None,
) -> Places:
    """Return the search regions by anatomy alone."""
    from_brain = distance_from(brain, t1w.grid.voxel_mm)
    shares = _shares_of_brain(t1w, brain, pose)
    shell = allowed & ~brain & (depth > 0)
    deep = shell & (depth > _DEPTH_MM)
    rim = shell & _within(shares, _VAULT) & _between(from_brain, _RIM_FROM_BRAIN_MM)
    return Places(
        csf=brain & allowed,
        bone=rim & deep & _between(from_brain, _BONE_FROM_BRAIN_MM),
        soft=rim & _between(from_brain, _SOFT_FROM_BRAIN_MM),
        muscle=deep & _any_of(shares, _TEMPLES) & _between(from_brain, _MUSCLE_FROM_BRAIN_MM),
        eye=shell & _any_of(shares, _EYES) & (depth > _EYE_DEPTH_MM),
        rim=rim,
    )


def _likely(places: Places, prior: Mapping[str, Field]) -> Places:
    return replace(
        places,
        bone=places.bone & (prior["bone"] >= _CERTAIN),
        soft=places.soft & (prior["soft"] >= _CERTAIN),
    )


def _fluid_thresholds(one: Field, two: Field) -> tuple[float, float]:
    """Return the T2w threshold above, and the T1w threshold below which a brain voxel is CSF.

    Two thresholds in T1w: first white matter from the rest, then grey matter from CSF.
    """
    return otsu(two), otsu(one[one < otsu(one)])


def _soft_thresholds(one: Field, places: Places, fluid: Field) -> tuple[float, float]:
    """Return the T1w thresholds of bone to soft tissue, and of fat; NaN without either."""
    temples = one[places.muscle]
    if not temples.size or not fluid.size:
        return float("nan"), float("nan")
    # Cutting below the middle of the temples keeps bright fat from moving bone's threshold.
    signal = otsu(one[places.rim & (one < np.median(temples))])
    muscle = temples[temples > signal]
    if not muscle.size:
        return signal, float("nan")
    middle = float(np.median(muscle))
    darkest = max(float(np.quantile(fluid, _PURE_FLUID)), _DARKEST * middle)
    return signal, middle * (middle / darkest) ** _FAT_OVER_MUSCLE


def head_mask(t1w: Volume, brain: Mask) -> Mask:
    """Mask the head: brighter than air, closed over the skull, without holes."""
    voxel_mm = t1w.grid.voxel_mm
    bright = (t1w.data > otsu(t1w.data) * 0.5) | brain
    grown = distance_from(bright, voxel_mm) <= _CLOSING_MM
    closed = depth_in(np.pad(grown, 1, mode="edge"), voxel_mm)
    return np.asarray(binary_fill_holes(closed[1:-1, 1:-1, 1:-1] > _CLOSING_MM) | bright)


def eroded(mask: Mask, voxel_mm: NDArray[np.float64]) -> Mask:
    """Erode by one voxel of the finest axis, so that thick slices do not remove a class.

    On a grid coarser than 2 mm, where bone and sulci are thinner than three voxels, a class that
    erosion would take below `MIN_VOXELS` keeps that many of its innermost voxels, and what ties
    with them: those with most of their 26 neighbours in the class.
    """
    step = float(voxel_mm.min())
    finest = np.flatnonzero(voxel_mm <= step * 1.001).tolist()
    inner = eroded_faces(mask, finest, beyond=True)
    if step <= _FINE_MM or inner.sum() >= MIN_VOXELS or mask.sum() <= MIN_VOXELS:
        return inner
    neighbours = np.rint(27 * uniform_filter(mask.astype(np.float32), 3, mode="constant"))
    least = np.partition(neighbours[mask], -MIN_VOXELS)[-MIN_VOXELS]
    return np.asarray(mask & (neighbours >= least))


def _shares_of_brain(
    t1w: Volume, brain: Mask, pose: NDArray[np.floating] | None
) -> NDArray[np.float64]:
    """Return voxel positions as fractions of the upright brain's extent: 0 left, back, bottom."""
    upright = np.linalg.inv(np.eye(4) if pose is None else pose) @ t1w.affine
    axes = np.meshgrid(*(np.arange(n) for n in brain.shape), indexing="ij", sparse=True)
    place = [sum(row[i] * axes[i] for i in range(3)) + row[3] for row in upright[:3]]
    ends = [np.quantile(values[brain], _EXTENT) for values in place]
    return np.stack([(v - low) / (high - low) for v, (low, high) in zip(place, ends, strict=True)])


def _within(shares: NDArray[np.float64], box: tuple[tuple[float, float], ...]) -> Mask:
    sides = [_between(values, limits) for values, limits in zip(shares, box, strict=True)]
    return np.asarray(np.logical_and.reduce(sides))


def _any_of(shares: NDArray[np.float64], boxes: Sequence[tuple[tuple[float, float], ...]]) -> Mask:
    return np.asarray(np.logical_or.reduce([_within(shares, box) for box in boxes]))


def _between(values: Field, limits: tuple[float, float]) -> Mask:
    return np.asarray((values > limits[0]) & (values < limits[1]))
