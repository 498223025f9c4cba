"""Rigid registration of one contrast to another by mutual information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name its own manual uses
from scipy import ndimage

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.itk import matrix_of, mattes, place, to_itk
from rt1t2_dask.images.resample import regrid
from rt1t2_dask.images.transform import move, translation
from rt1t2_dask.images.volume import Affine, Volume

FIXED_MM = 2.0
MOVING_MM = 1.5
_SHRINK = (4, 2, 1)
_SMOOTH_MM = (4.0, 2.0, 0.0)
_SAMPLED = (1.0, 0.6, 0.2)


@dataclass(frozen=True)
class Rigid:
    """A rigid pose and how well it fits.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Fixed mm to moving mm, RAS.
    mutual_information : float
        Mattes mutual information at the pose, in nats; higher is better.
    """

    matrix: Affine
    mutual_information: float


def rigid(fixed: Volume, moving: Volume) -> Rigid:
    """Find the pose (6 degrees of freedom) that lines `moving` up with `fixed`.

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
    Mattes mutual information (32 bins), three resolutions, fixed image at 2 mm. Starts from the
    headers or from the centres of mass, whichever fits better. One thread and a fixed sampling
    seed: the same images give the same matrix.
    """
    still = regrid(fixed, max(FIXED_MM, float(fixed.grid.voxel_mm.min())))
    moved = regrid(moving, max(MOVING_MM, float(moving.grid.voxel_mm.min())))
    try:
        start = min(_starts(still, moved), key=lambda pose: _cost(still, moved, pose))
        return _refine(still, moved, start)
    except RuntimeError as error:
        raise SubjectError(
            f"T2w could not be registered to T1w ({_last_line(error)}).",
            "Check that both show the same head, or leave the subject out with cohort.exclude.",
        ) from error


def as_given(fixed: Volume, moving: Volume) -> Rigid:
    """Take the headers' word that two images lie in one space; say how well they fit."""
    coarse = regrid(fixed, max(FIXED_MM, float(fixed.grid.voxel_mm.min())))
    return Rigid(np.eye(4), -_cost(coarse, moving, np.eye(4)))


def _starts(fixed: Volume, moving: Volume) -> list[Affine]:
    shift = centre_of_mass(moving) - centre_of_mass(fixed)
    return [np.eye(4), translation(shift)]


def centre_of_mass(volume: Volume) -> Any:
    """Give the intensity-weighted centre in mm, shape (3,); the middle of a blank image."""
    weights = np.clip(volume.data, 0, None)
    if not weights.any():
        return move(volume.affine, (np.array(volume.data.shape) - 1) / 2.0)
    return move(volume.affine, np.array(ndimage.center_of_mass(weights)))


def _cost(fixed: Volume, moving: Volume, pose: Affine) -> float:
    method = mattes((0.05,))
    method.SetMetricUseMovingImageGradientFilter(False)  # a value needs no gradient
    method.SetInitialTransform(_euler(fixed, pose), inPlace=True)
    try:
        return float(method.MetricEvaluate(to_itk(fixed), to_itk(moving)))
    except RuntimeError:
        return np.inf  # this start leaves no overlap; the other may


def _refine(fixed: Volume, moving: Volume, start: Affine) -> Rigid:
    transform = _euler(fixed, start)
    method = mattes(_SAMPLED)
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTH_MM)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.005, numberOfIterations=60, relaxationFactor=0.5
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(to_itk(fixed), to_itk(moving))
    return Rigid(matrix_of(transform), -float(method.GetMetricValue()))


def _euler(fixed: Volume, pose: Affine) -> Any:
    return place(sitk.Euler3DTransform(), pose, centre_of_mass(fixed))


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
