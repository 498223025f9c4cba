"""CSF, skull bone and soft tissue of one head: the classes that calibration compares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, distance_transform_edt

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.thresholds import otsu

Mask = NDArray[np.bool_]
Field = NDArray[np.floating]
Classes = dict[str, Mask]

CLASS_NAMES = ("csf", "bone", "soft")

_CLOSING_MM = 8.0
_RIM_FROM_BRAIN_MM = (2.0, 25.0)
_BONE_FROM_BRAIN_MM = (2.0, 14.0)
_MUSCLE_FROM_BRAIN_MM = (4.0, 25.0)
_SOFT_FROM_BRAIN_MM = (5.0, 25.0)
_DEPTH_MM = 4.0
_FAT_OVER_MUSCLE = 1.7  # in T1w: fat is 2 to 4 times as bright as muscle, skin and muscle alike
# Shares of the brain's extent, left to right, back to front, bottom to top.
_VAULT = ((-np.inf, np.inf), (-np.inf, np.inf), (0.3, np.inf))  # the base is a maze of air and fat
_TEMPLES = (
    ((-np.inf, 0.15), (0.45, 0.95), (0.2, 0.55)),
    ((0.85, np.inf), (0.45, 0.95), (0.2, 0.55)),
)
_EXTENT = (0.02, 0.98)
_PRIOR = {"csf": 2, "bone": 3, "soft": 4}


def external_classes(
    t1w: Volume,
    t2w_on_t1: Volume,
    brain: Mask,
    exclude: Mask | None = None,
    pose: NDArray[np.floating] | None = None,
) -> Classes:
    """Find the three classes from the subject's own head, without a template.

    Parameters
    ----------
    t1w, t2w_on_t1 : Volume
        Bias-corrected, on one grid, any positive unit; the whole head is in view.
    brain : ndarray of bool, shape (x, y, z)
        Brain mask.
    exclude : ndarray of bool, optional
        Lesions and whatever else must not count.
    pose : ndarray, shape (4, 4), optional
        Upright template mm to subject mm (`images.brain.Brain.affine`); without it the head is
        taken to lie upright in the scanner.

    Returns
    -------
    dict of str to ndarray of bool
        ``csf``: inside the brain mask, dark in T1w and bright in T2w. ``bone``: the vault
        between brain and scalp, dark in both. ``soft``: muscle and skin outside the bone, brighter
        than it in T1w and darker than fat. Each eroded by one voxel; possibly empty.

    Notes
    -----
    Ours: thresholds by Otsu (1979) within the brain and within the shell round it, so that
    gain, offset and mild gamma hardly move them. Fat is left out because its thickness differs
    between people, and because an averaged reference head has it blurred with skin and bone.
    The scale for "darker than fat" is temporal muscle, an anchor of Ganzetti et al. (2014).
    """
    voxel_mm = t1w.grid.voxel_mm
    one, two = t1w.data, t2w_on_t1.data
    allowed = np.isfinite(one) & np.isfinite(two) & (two > 0)
    if exclude is not None:
        allowed &= ~exclude
    from_brain = distance_transform_edt(~brain, sampling=voxel_mm)
    depth = distance_transform_edt(head_mask(t1w, brain), sampling=voxel_mm)
    shares = _shares_of_brain(t1w, brain, pose)
    shell = allowed & ~brain & (depth > 0)
    rim = shell & _within(shares, _VAULT) & _between(from_brain, _RIM_FROM_BRAIN_MM)
    temples = shell & _temples(shares) & _between(from_brain, _MUSCLE_FROM_BRAIN_MM)
    signal, fat = _soft_thresholds(one, rim, temples & (depth > _DEPTH_MM))
    inside = brain & allowed
    bright, dark = _fluid_thresholds(one[inside], two[inside])
    found = {
        "csf": inside & (two > bright) & (one < dark),
        "bone": rim
        & (one < signal)
        & (two < np.median(two[inside]))
        & _between(from_brain, _BONE_FROM_BRAIN_MM)
        & (depth > _DEPTH_MM),
        "soft": rim & _between(from_brain, _SOFT_FROM_BRAIN_MM) & (one >= signal) & (one < fat),
    }
    return {name: eroded(mask, voxel_mm) for name, mask in found.items()}


def classes_from_prior(
    prior: NDArray[np.floating], t1w: Volume, brain: Mask, exclude: Mask | None = None
) -> Classes:
    """Take the three classes from a six-class prior already warped to the subject.

    Parameters
    ----------
    prior : ndarray, shape (x, y, z, 6)
        Probabilities of grey, white, CSF, bone, soft tissue, air, in [0, 1] (SPM's order).
    t1w : Volume
        On the same grid; decides what is air.
    brain : ndarray of bool, shape (x, y, z)
        Brain mask.
    exclude : ndarray of bool, optional
        Lesions and whatever else must not count.

    Returns
    -------
    dict of str to ndarray of bool
        Where the probability is at least 0.5, eroded by one voxel, without air and `exclude`.
    """
    inside = head_mask(t1w, brain)
    if exclude is not None:
        inside &= ~exclude
    return {
        name: eroded(prior[..., k] >= 0.5, t1w.grid.voxel_mm) & inside for name, k in _PRIOR.items()
    }


def _fluid_thresholds(one: Field, two: Field) -> tuple[float, float]:
    """T2w above and T1w below which a voxel of the brain is fluid.

    The T1w is cut twice: first white matter from the rest, then grey matter from fluid.
    """
    return otsu(two), otsu(one[one < otsu(one)])


def _soft_thresholds(one: Field, rim: Mask, temples: Mask) -> tuple[float, float]:
    """T1w above which the shell is no bone, and above which it is fat; NaN without temples."""
    if not temples.any():
        return float("nan"), float("nan")
    # Cutting below the middle of the temples keeps bright fat from moving bone's threshold.
    signal = otsu(one[rim & (one < np.median(one[temples]))])
    muscle = one[temples & (one > signal)]
    return signal, _FAT_OVER_MUSCLE * float(np.median(muscle)) if muscle.size else float("nan")


def head_mask(t1w: Volume, brain: Mask) -> Mask:
    """Mask the head: brighter than air, closed over the skull, without holes."""
    voxel_mm = t1w.grid.voxel_mm
    bright = (t1w.data > otsu(t1w.data) * 0.5) | brain
    grown = distance_transform_edt(~bright, sampling=voxel_mm) <= _CLOSING_MM
    closed = distance_transform_edt(np.pad(grown, 1, mode="edge"), sampling=voxel_mm)
    return np.asarray(binary_fill_holes(closed[1:-1, 1:-1, 1:-1] > _CLOSING_MM) | bright)


def eroded(mask: Mask, voxel_mm: NDArray[np.float64]) -> Mask:
    """Erode by one voxel of the finest axis; thick slices do not eat a class."""
    return np.asarray(
        distance_transform_edt(mask, sampling=voxel_mm) > min(voxel_mm.min(), 2.0) * 1.001
    )


def _shares_of_brain(
    t1w: Volume, brain: Mask, pose: NDArray[np.floating] | None
) -> NDArray[np.float64]:
    """Each voxel's place in the upright brain's extent; 0 left, back, bottom, 1 the other end."""
    upright = np.linalg.inv(np.eye(4) if pose is None else pose) @ t1w.affine
    axes = np.meshgrid(*(np.arange(n) for n in brain.shape), indexing="ij", sparse=True)
    place = [sum(row[i] * axes[i] for i in range(3)) + row[3] for row in upright[:3]]
    ends = [np.quantile(values[brain], _EXTENT) for values in place]
    return np.stack([(v - low) / (high - low) for v, (low, high) in zip(place, ends, strict=True)])


def _within(shares: NDArray[np.float64], box: tuple[tuple[float, float], ...]) -> Mask:
    sides = [_between(values, limits) for values, limits in zip(shares, box, strict=True)]
    return np.asarray(np.logical_and.reduce(sides))


def _temples(shares: NDArray[np.float64]) -> Mask:
    return np.asarray(_within(shares, _TEMPLES[0]) | _within(shares, _TEMPLES[1]))


def _between(values: Field, limits: tuple[float, float]) -> Mask:
    return np.asarray((values > limits[0]) & (values < limits[1]))
