"""Left-right flips: whether the mirrored T2w fits the T1w better than the T2w itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.registration.coregister import COARSE_MM, centre_of_mass, coarse
from rt1t2_dask.images.resample import regrid
from rt1t2_dask.images.transform import about, compose
from rt1t2_dask.images.volume import Affine, Volume

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
        """Relative gain in mutual information of the mirror image: -0.2 is a loss of 20 %."""
        return self.mirrored / self.as_given - 1.0 if self.as_given > 0 else 0.0


def compare_mirrored(fixed: Volume, moving: Volume, pose: Affine) -> Mirrored:
    """Register the moving image and its mirror image, both at 5 mm.

    Parameters
    ----------
    fixed, moving : Volume
        T1w and T2w of one head, cropped to it (`coregister.working_pair`).
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
    given, other = coarse(still, moved, pose), coarse(still, flipped, start)
    return Mirrored(given.mutual_information, other.mutual_information)


def check_not_mirrored(found: Mirrored) -> None:
    """Refuse a left-right flipped T2w.

    Raises
    ------
    SubjectError
    """
    if found.gain > 0:
        raise SubjectError(
            f"the T2w is left-right flipped: mirroring it raises the mutual information with the "
            f"T1w by {found.gain:.1%}.",
            "Convert both again from DICOM, or leave the subject out with cohort.exclude; if "
            "both are correct, set checks.mirrored=false.",
        )
