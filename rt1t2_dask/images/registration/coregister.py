"""Rigid registration of one contrast to another by mutual information."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.foreground import to_head
from rt1t2_dask.images.registration.mattes import Fit, Level, fit, information
from rt1t2_dask.images.resample import regrid
from rt1t2_dask.images.transform import about, compose, move, translation
from rt1t2_dask.images.volume import Affine, Volume

FIXED_MM = 2.0
MOVING_MM = 1.5
COARSE_MM = 5.0
BETTER = 1.1
_SAMPLES = 120_000
_LEVELS = (Level(4.0, 20_000, 2.0), Level(2.0, 50_000, 1.0), Level(0.0, _SAMPLES, 0.5))
_COARSE = (Level(COARSE_MM, 15_000, 2.0, 0.02, 20), Level(0.0, 50_000, 1.0, 0.02, 20))
_GLANCE = 30_000


def rigid(fixed: Volume, moving: Volume) -> Fit:
    """Estimate the rigid transform (6 degrees of freedom) that aligns `moving` with `fixed`.

    Parameters
    ----------
    fixed, moving : Volume
        Two contrasts of one head, finite; any pose and field of view that overlap.

    Raises
    ------
    SubjectError
        The images do not overlap, or the search fails.

    Notes
    -----
    Mattes mutual information (32 bins), three resolutions, fixed image at 2 mm, of the heads alone.
    Starts from the headers or from the centres of mass, whichever fits better; where a rotation by
    180 degrees about an axis fits better after a coarse search, from there: a header may be wrong.
    The same images give the same matrix.
    """
    return align(*working_pair(fixed, moving))


def working_pair(fixed: Volume, moving: Volume) -> tuple[Volume, Volume]:
    """Crop two images to their heads and resample them to the voxel sizes of the search."""
    still, moved = to_head(fixed), to_head(moving)
    return (
        regrid(still, max(FIXED_MM, float(fixed.grid.voxel_mm.min()))),
        regrid(moved, max(MOVING_MM, float(moving.grid.voxel_mm.min()))),
    )


def align(still: Volume, moved: Volume) -> Fit:
    """Estimate the rigid transform between the images of `working_pair`; see `rigid`."""
    start = max(_starts(still, moved), key=lambda pose: information(still, moved, pose, _GLANCE))
    found = fit(still, moved, _turned_if_better(still, moved, start), "rigid", _LEVELS)
    if not found.shares:
        raise SubjectError(
            "T2w could not be registered to T1w: they do not overlap, or one is blank.",
            "Check that both are of the same head, or leave the subject out with cohort.exclude.",
        )
    return found


def coarse(fixed: Volume, moving: Volume, start: Affine) -> Fit:
    """Fit a rigid transform at 5 mm from one start; mutual information 0 without overlap."""
    return fit(fixed, moving, start, "rigid", _COARSE)


def _turned_if_better(fixed: Volume, moving: Volume, start: Affine) -> Affine:
    """Return the start, or a half turn's coarse fit with 10 % more mutual information."""
    still, moved = regrid(fixed, COARSE_MM), regrid(moving, COARSE_MM)
    centre, axes = centre_of_mass(moved), moved.affine[:3, :3] / moved.grid.voxel_mm
    best, chosen = coarse(still, moved, start).mutual_information * BETTER, start
    for axis in axes.T:
        turn = np.eye(4)
        turn[:3, :3] = 2 * np.outer(axis, axis) - np.eye(3)
        join = translation(centre - centre_of_mass(still))
        found = coarse(still, moved, compose(join, about(turn, centre)))
        if found.mutual_information > best:
            best, chosen = found.mutual_information, found.matrix
    return chosen


def as_given(fixed: Volume, moving: Volume) -> Fit:
    """Take two images as aligned by their headers; return their mutual information."""
    coarse = regrid(fixed, max(FIXED_MM, float(fixed.grid.voxel_mm.min())))
    return Fit(np.eye(4), information(coarse, moving, np.eye(4), _SAMPLES))


def _starts(fixed: Volume, moving: Volume) -> list[Affine]:
    shift = centre_of_mass(moving) - centre_of_mass(fixed)
    return [np.eye(4), translation(shift)]


def centre_of_mass(volume: Volume) -> Any:
    """Return the intensity-weighted centre in mm, shape (3,); the middle of a blank image."""
    weights = np.clip(volume.data, 0, None)
    if not weights.any():
        return move(volume.affine, (np.array(volume.data.shape) - 1) / 2.0)
    return move(volume.affine, np.array(ndimage.center_of_mass(weights)))
