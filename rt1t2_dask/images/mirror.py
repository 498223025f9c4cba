"""Left for right: whether the mirror image of a T2w fits the T1w better than the T2w itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name its own manual uses

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.coregister import centre_of_mass
from rt1t2_dask.images.itk import mattes, place, to_itk
from rt1t2_dask.images.resample import regrid
from rt1t2_dask.images.transform import about, compose
from rt1t2_dask.images.volume import Affine, Volume

COARSE_MM = 5.0
_LEFT_RIGHT = np.diag([-1.0, 1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Mirrored:
    """Mutual information (nats) of T1w and T2w at their best coarse pose.

    Parameters
    ----------
    as_given, mirrored : float
        Of the T2w, and of its mirror image.
    """

    as_given: float
    mirrored: float

    @property
    def gain(self) -> float:
        """How much more the mirror image shares: -0.2 is a loss of a fifth."""
        return self.mirrored / self.as_given - 1.0 if self.as_given > 0 else 0.0


def compare_mirrored(fixed: Volume, moving: Volume, pose: Affine) -> Mirrored:
    """Register the moving image and its mirror image, both at 5 mm.

    Parameters
    ----------
    fixed, moving : Volume
        T1w and T2w of one head.
    pose : ndarray, shape (4, 4)
        Fixed mm to moving mm, as `coregister.rigid` gives.

    Notes
    -----
    The mirror image starts from the pose mirrored at both ends: exact for a head that is its own
    mirror image and lies straight, refined for all others.
    """
    still = regrid(fixed, max(COARSE_MM, float(fixed.grid.voxel_mm.min())))
    moved = regrid(moving, max(COARSE_MM, float(moving.grid.voxel_mm.min())))
    flip = about(_LEFT_RIGHT, centre_of_mass(moved))
    flipped = Volume(moved.data, flip @ moved.affine)
    start = compose(about(_LEFT_RIGHT, centre_of_mass(still)), pose, flip)
    return Mirrored(_fit(still, moved, pose), _fit(still, flipped, start))


def check_not_mirrored(found: Mirrored) -> None:
    """Refuse a T2w whose mirror image fits better.

    Raises
    ------
    SubjectError
    """
    if found.gain > 0:
        raise SubjectError(
            f"the T2w is mirrored: exchanging its left and right raises the mutual information "
            f"with the T1w by {found.gain:.1%}.",
            "Convert both again from DICOM, or leave the subject out with cohort.exclude; if both "
            "are right, checks.mirrored=false.",
        )


def _fit(fixed: Volume, moving: Volume, start: Affine) -> float:
    transform: Any = place(sitk.Euler3DTransform(), start, centre_of_mass(fixed))
    method = mattes((1.0, 1.0))
    method.SetShrinkFactorsPerLevel((2, 1))
    method.SetSmoothingSigmasPerLevel((COARSE_MM, 0.0))
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.02, numberOfIterations=20, relaxationFactor=0.5
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(to_itk(fixed), to_itk(moving))
    except RuntimeError:
        return 0.0
    return -float(method.GetMetricValue())
