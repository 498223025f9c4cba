"""Normalisation of one T1w to the template: affine, then a diffeomorphism."""

from __future__ import annotations

from typing import Literal

import numpy as np

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.fill import Fill, Filled, enantiomorphic, median_white
from rt1t2_dask.images.brain.lesion import dilate, on_grid
from rt1t2_dask.images.registration import ants_syn, greedy, lncc, pose
from rt1t2_dask.images.resample import regrid, template_grid, to_grid
from rt1t2_dask.images.transform import Warp, translation
from rt1t2_dask.images.volume import Affine, Volume

Method = Literal["lncc", "greedy", "ants_syn"]

AFFINE_MM = 4.0
METRIC_RADIUS = 2
LESION_MARGIN_VOXELS = METRIC_RADIUS
BORDER_MM = 10.0
FINE_MM = 2.5
# Six label heads: grey and white matter overlap as after 100, 80 and 50 rounds, within 0.001.
_FINE, _COARSE = (60, 40, 25), (60, 40)
_GREEDY_FINE, _GREEDY_COARSE = (100, 80, 50), (60, 40)
_SYN_FINE, _SYN_COARSE = (100, 70, 30), (100, 70)


def to_template(
    t1w: Volume,
    mask: Volume,
    template_t1: Volume,
    exclude: Volume | None,
    voxel_mm: float = 2.0,
    *,
    start: Affine | None = None,
    method: Method = "lncc",
    fill: Fill = "mask",
    white: Volume | None = None,
    timeout_s: float = 900.0,
) -> Warp:
    """Find the deformation field from a template brain to a person's brain.

    Parameters
    ----------
    t1w : Volume
        Bias corrected.
    mask : Volume
        Boolean brain mask on the grid of `t1w`.
    template_t1 : Volume
        T1w template of the brain alone: 0 outside.
    exclude : Volume, optional
        Boolean lesion mask in the space of `t1w`; excluded from the affine registration.
    voxel_mm : float
        Voxel size to register at; the field is sampled there and interpolates to any grid.
    start : ndarray, shape (4, 4), optional
        Template mm to subject mm, a first pose (from `brain.extract`).
    method : {"lncc", "greedy", "ants_syn"}
        Who finds the diffeomorphism; all use cross-correlation with a radius of 2 voxels.
    fill : {"mask", "median_wm", "enantiomorphic"}
        ``mask``: the metric ignores the lesion and a margin of 2 voxels, its radius: a wider margin
        would hide the rim. The others fill the lesion: see `fill`.
    white : Volume, optional
        White-matter probability of the template, for ``median_wm``.
    timeout_s : float
        Timeout, wall seconds.

    Raises
    ------
    SubjectError
        The brain mask is empty, the lesion cannot be filled, or the registration failed.
    """
    if not mask.data.any():
        raise SubjectError("The brain mask is empty.", "Check the T1w or supply a brain mask.")
    brain = t1w.with_data(np.where(mask.data, t1w.data, 0).astype(np.float32))
    affine = _affine(brain, template_t1, exclude, start)
    fixed = cropped(to_grid(template_t1, template_grid(template_t1.grid, voxel_mm), order=1))
    seen = _filled(cropped(regrid(brain, voxel_mm)), exclude, affine, fill, white)
    return _deform(method, fixed, seen, affine, voxel_mm, timeout_s)


def _filled(
    moving: Volume, exclude: Volume | None, affine: Affine, fill: Fill, white: Volume | None
) -> Filled:
    if exclude is None or not exclude.data.any():
        return Filled(moving, None)
    hidden = moving.with_data(on_grid(exclude, moving.grid))
    if fill == "enantiomorphic":
        return enantiomorphic(moving, hidden, affine)
    if fill == "median_wm":
        if white is None:
            raise ValueError("median_wm needs the template's white matter")
        return median_white(moving, hidden, white, affine)
    return Filled(moving, hidden)


def _deform(
    method: Method, fixed: Volume, seen: Filled, affine: Affine, voxel_mm: float, timeout_s: float
) -> Warp:
    usable = None
    if seen.hidden is not None:
        usable = ~dilate(seen.hidden, LESION_MARGIN_VOXELS * voxel_mm).data
    fine = voxel_mm <= FINE_MM
    if method == "lncc":
        own = lncc.Schedule(_FINE if fine else _COARSE, METRIC_RADIUS)
        return lncc.deform(fixed, seen.image, affine, own, usable=usable)
    if method == "ants_syn":
        levels = _SYN_FINE if fine else _SYN_COARSE
        syn = ants_syn.Schedule(levels, METRIC_RADIUS)
        return ants_syn.deform(fixed, seen.image, affine, syn, usable=usable, timeout_s=timeout_s)
    schedule = greedy.Schedule(_GREEDY_FINE if fine else _GREEDY_COARSE, METRIC_RADIUS)
    return greedy.deform(fixed, seen.image, affine, schedule, usable=usable, timeout_s=timeout_s)


def _affine(
    brain: Volume, template_t1: Volume, exclude: Volume | None, start: Affine | None
) -> Affine:
    fixed, moving = regrid(template_t1, AFFINE_MM), regrid(brain, AFFINE_MM)
    first = start if start is not None else pose.plain_starts(fixed, moving)[1]
    within = fixed.data > 0
    if exclude is not None:
        hidden = dilate(exclude, AFFINE_MM)
        within &= ~to_grid(hidden, fixed.grid, warp=Warp(first), order=0).data
    found = pose.refine(fixed, moving, first, within=within)
    if found is None:
        raise SubjectError(
            "The affine registration of the brain to the template failed.",
            "Check the brain mask, or leave the subject out with cohort.exclude.",
        )
    return found


def cropped(image: Volume) -> Volume:
    """Crop to the non-zero voxels and a border: greedy's cost grows with the grid."""
    margin = int(np.ceil(BORDER_MM / image.grid.voxel_mm.min()))
    where = np.argwhere(image.data > 0)
    low = np.maximum(where.min(axis=0) - margin, 0)
    high = np.minimum(where.max(axis=0) + margin + 1, image.data.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return Volume(image.data[box], image.affine @ translation(low))
