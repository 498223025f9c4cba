"""Normalisation of one T1w to the template: affine, then a diffeomorphism."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images import greedy, lesion, pose
from rt1t2_dask.images.resample import regrid, template_grid, to_grid
from rt1t2_dask.images.transform import Warp, translation
from rt1t2_dask.images.volume import Affine, Array, Volume

AFFINE_MM = 4.0
METRIC_RADIUS = 2
LESION_MARGIN_VOXELS = METRIC_RADIUS + 1
BORDER_MM = 10.0
_FINE_ITERATIONS = (60, 40, 15)
_COARSE_ITERATIONS = (60, 40)


def to_template(
    t1w: Volume,
    mask: Volume,
    template_t1: Volume,
    exclude: Volume | None,
    voxel_mm: float = 2.0,
    *,
    start: Affine | None = None,
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
        Boolean lesion mask in the space of `t1w`; the metric looks neither at it nor at a margin
        of 3 voxels around it, one more than the metric's radius.
    voxel_mm : float
        Voxel size to register at; the field is sampled there and interpolates to any grid.
    start : ndarray, shape (4, 4), optional
        Template mm to subject mm, a first pose (from `brain.extract`).
    timeout_s : float
        Wall seconds before the search is given up.

    Raises
    ------
    SubjectError
        The brain mask is empty, or the registration failed.
    """
    if not mask.data.any():
        raise SubjectError("The brain mask is empty.", "Check the T1w or bring a brain mask.")
    brain = t1w.with_data(np.where(mask.data, t1w.data, 0).astype(np.float32))
    affine = _affine(brain, template_t1, exclude, start)
    fixed = _cropped(to_grid(template_t1, template_grid(template_t1.grid, voxel_mm), order=1))
    moving = _cropped(regrid(brain, voxel_mm))
    return greedy.deform(
        fixed,
        moving,
        affine,
        greedy.Schedule(_FINE_ITERATIONS if voxel_mm <= 2.5 else _COARSE_ITERATIONS, METRIC_RADIUS),
        usable=_usable(moving, exclude, voxel_mm),
        timeout_s=timeout_s,
    )


def _affine(
    brain: Volume, template_t1: Volume, exclude: Volume | None, start: Affine | None
) -> Affine:
    fixed, moving = regrid(template_t1, AFFINE_MM), regrid(brain, AFFINE_MM)
    first = start if start is not None else pose.plain_starts(fixed, moving)[1]
    within = fixed.data > 0
    if exclude is not None:
        hidden = lesion.dilate(exclude, AFFINE_MM)
        within &= ~to_grid(hidden, fixed.grid, warp=Warp(first), order=0).data
    try:
        return pose.refine(fixed, moving, first, within=within)
    except RuntimeError as error:
        raise SubjectError(
            "The brain could not be brought onto the template by an affine map.",
            "Check the brain mask, or leave the subject out with cohort.exclude.",
        ) from error


def _usable(moving: Volume, exclude: Volume | None, voxel_mm: float) -> Array | None:
    if exclude is None or not exclude.data.any():
        return None
    hidden = lesion.dilate(exclude, LESION_MARGIN_VOXELS * voxel_mm)
    return ~to_grid(hidden, moving.grid, order=0).data


def _cropped(image: Volume) -> Volume:
    """Cut to the non-zero voxels and a border: greedy's cost goes with the grid."""
    margin = int(np.ceil(BORDER_MM / image.grid.voxel_mm.min()))
    where = np.argwhere(image.data > 0)
    low = np.maximum(where.min(axis=0) - margin, 0)
    high = np.minimum(where.max(axis=0) + margin + 1, image.data.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return Volume(image.data[box], image.affine @ translation(low))
