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
_BONE_FROM_BRAIN_MM = (2.0, 14.0)
_SOFT_FROM_BRAIN_MM = (5.0, 25.0)
_BONE_DEPTH_MM = 4.0
_BASE_SHARE = 0.3  # the skull base is a maze of air, fat and bone: only the vault is used
_PRIOR = {"csf": 2, "bone": 3, "soft": 4}


def external_classes(
    t1w: Volume, t2w_on_t1: Volume, brain: Mask, exclude: Mask | None = None
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

    Returns
    -------
    dict of str to ndarray of bool
        ``csf``: inside the brain mask, dark in T1w and bright in T2w. ``bone``: the vault
        between brain and scalp, dark in both. ``soft``: bright in T1w outside the bone. Each
        eroded by one voxel; possibly empty.

    Notes
    -----
    Ours: thresholds by Otsu (1979) within the brain and within the shell round it, so that
    gain, offset and mild gamma hardly move them.
    """
    voxel_mm = t1w.grid.voxel_mm
    one, two = t1w.data, t2w_on_t1.data
    allowed = np.isfinite(one) & np.isfinite(two) & (two > 0)
    if exclude is not None:
        allowed &= ~exclude
    from_brain = distance_transform_edt(~brain, sampling=voxel_mm)
    depth = distance_transform_edt(head_mask(t1w, brain), sampling=voxel_mm)
    vault = allowed & ~brain & (depth > 0) & _above_base(t1w, brain)
    rim = vault & _between(from_brain, (_BONE_FROM_BRAIN_MM[0], _SOFT_FROM_BRAIN_MM[1]))
    inside = brain & allowed
    bright, dark = _fluid_thresholds(one[inside], two[inside])
    cut = otsu(one[rim])
    found = {
        "csf": inside & (two > bright) & (one < dark),
        "bone": rim
        & (one < cut)
        & (two < np.median(two[inside]))
        & (from_brain < _BONE_FROM_BRAIN_MM[1])
        & (depth > _BONE_DEPTH_MM),
        "soft": rim & (one >= cut) & (from_brain > _SOFT_FROM_BRAIN_MM[0]),
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


def _above_base(t1w: Volume, brain: Mask) -> Mask:
    """Voxels higher (towards the crown, in world mm) than the lower part of the brain."""
    up = np.asarray(t1w.affine, dtype=np.float64)[2, :3]
    height = sum(
        np.expand_dims(up[i] * np.arange(n), tuple(j for j in range(3) if j != i))
        for i, n in enumerate(brain.shape)
    )
    return np.asarray(
        height > np.quantile(np.broadcast_to(height, brain.shape)[brain], _BASE_SHARE)
    )


def _between(values: Field, limits: tuple[float, float]) -> Mask:
    return np.asarray((values > limits[0]) & (values < limits[1]))
