"""Lesion filling before registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.lesion import dilate
from rt1t2_dask.images.distance import distance_from
from rt1t2_dask.images.registration import pose
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.transform import compose, inverse
from rt1t2_dask.images.volume import Affine, Volume

Fill = Literal["mask", "median_wm", "enantiomorphic"]

WHITE_SHARE = 0.8
COVERED_MM, FADED_MM = 1.0, 3.0
MIRROR_MM = 4.0
MOST_BILATERAL = 0.05
_MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Filled:
    """An image to register, and the voxels its metric must still ignore.

    Parameters
    ----------
    image : Volume
    hidden : Volume or None
        Boolean, on the grid of the image; None when no voxel is masked.
    """

    image: Volume
    hidden: Volume | None


def median_white(image: Volume, lesion: Volume, white: Volume, to_image: Affine) -> Filled:
    """Fill a lesion with the median of the white matter.

    Parameters
    ----------
    image : Volume
        T1w, bias corrected.
    lesion : Volume
        Boolean, on the grid of the image, not empty.
    white : Volume
        White-matter probability of the template, 0 to 1.
    to_image : ndarray, shape (4, 4)
        Template mm to image mm.

    Raises
    ------
    SubjectError
        No voxel of white matter is left outside the lesion.
    """
    carried = to_grid(white, image.grid, rigid=inverse(to_image), order=1)
    sound = (carried.data >= WHITE_SHARE) & (image.data > 0) & ~dilate(lesion, FADED_MM).data
    if not sound.any():
        raise SubjectError(
            "No white matter is left outside the lesion to fill it with.",
            "Check the lesion mask, or set lesion.fill=mask.",
        )
    return Filled(_blended(image, lesion, np.median(image.data[sound])), None)


def enantiomorphic(image: Volume, lesion: Volume, to_image: Affine) -> Filled:
    """Fill a lesion with the homologous tissue of the other hemisphere.

    Parameters
    ----------
    image, lesion : Volume
        As for `median_white`.
    to_image : ndarray, shape (4, 4)
        Mm of a left-right symmetric template to image mm; it starts the search for the mirror.

    Returns
    -------
    Filled
        What mirrors onto the lesion itself is masked, not filled.

    Raises
    ------
    SubjectError
        The lesion is bilateral: more than 5 % of it mirrors onto itself.

    Notes
    -----
    Nachev et al. 2008 (NeuroImage 39:1215-1226): the mirrored image is registered to the image
    (here by an affine at 4 mm that ignores the lesion), then replaces the lesion.
    """
    mirror = _mirror(image, lesion, to_image)
    other_side = to_grid(lesion, image.grid, rigid=mirror, order=0).data.astype(bool)
    both = lesion.data & other_side
    share = both.sum() / lesion.data.sum()
    if share > MOST_BILATERAL:
        raise SubjectError(
            f"The lesion is bilateral: {share:.0%} of it mirrors onto itself, and "
            f"lesion.fill=enantiomorphic allows {MOST_BILATERAL:.0%}.",
            "Set lesion.fill=mask, or leave the subject out with cohort.exclude.",
        )
    sound = to_grid(image, image.grid, rigid=mirror, order=1).data
    filled = _blended(image, lesion, sound)
    return Filled(filled, lesion.with_data(both) if both.any() else None)


def _mirror(image: Volume, lesion: Volume, to_image: Affine) -> Affine:
    """Return the affine from each point of the head to its homologue across the midline, mm."""
    start = compose(inverse(to_image), _MIRROR, to_image)
    coarse = regrid(image, MIRROR_MM)
    hidden = to_grid(dilate(lesion, MIRROR_MM), coarse.grid, order=0)
    mirrored = to_grid(hidden, coarse.grid, rigid=start, order=0)
    within = (coarse.data > 0) & ~hidden.data & ~mirrored.data
    found = pose.refine(coarse, coarse, start, within=within)
    if found is None:
        raise SubjectError(
            "The mirrored brain could not be registered to the brain.",
            "Set lesion.fill=mask, or leave the subject out with cohort.exclude.",
        )
    return found


def _blended(image: Volume, lesion: Volume, sound: NDArray[np.float32] | np.floating) -> Volume:
    """Replace the lesion and blend over its rim, where voxels are mixed."""
    away = distance_from(lesion.data, image.grid.voxel_mm)
    weight = np.clip((FADED_MM - away) / (FADED_MM - COVERED_MM), 0, 1) * (image.data > 0)
    return image.with_data((image.data * (1 - weight) + sound * weight).astype(np.float32))
