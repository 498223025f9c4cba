"""Brain mask: the template's mask brought back through the registration of the whole head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images import greedy, pose
from rt1t2_dask.images.lesion import dilate
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.transform import Warp, inverse
from rt1t2_dask.images.volume import Affine, Grid, Volume

WORKING_MM = 4.0
GOOD_CORRELATION = 0.8
LEAST_CORRELATION = 0.35
MOST_STRETCH = 1.6
AROUND_MM = 10.0
SCHEDULE = greedy.Schedule(iterations=(60, 40))


@dataclass(frozen=True)
class Brain:
    """A brain mask on the T1w grid, and the pose that found it.

    Parameters
    ----------
    mask : Volume
        Boolean.
    affine : ndarray, shape (4, 4)
        Template mm to subject mm.
    """

    mask: Volume
    affine: Affine


def extract(t1w: Volume, head: Volume, brain: Volume) -> Brain:
    """Find the brain in a T1w of the whole head.

    Parameters
    ----------
    t1w : Volume
        Finite; any pose and voxel size.
    head : Volume
        T1w template of a whole head.
    brain : Volume
        Boolean brain mask on the grid of `head`.

    Raises
    ------
    SubjectError
        No pose makes the two heads alike (correlation round the brain under 0.35).

    Notes
    -----
    Affine by mutual information, then a diffeomorphism by cross-correlation, both at 4 mm.
    """
    coarse_head = regrid(head, WORKING_MM)
    coarse_t1w = regrid(t1w, WORKING_MM)
    to_subject = _pose(coarse_head, coarse_t1w, _around(brain, coarse_head.grid))
    to_template = inverse(to_subject)
    warp = greedy.deform(coarse_t1w, coarse_head, to_template, SCHEDULE)
    return Brain(_brought_back(brain, warp, t1w), to_subject)


def _pose(head: Volume, t1w: Volume, around: NDArray[np.bool_]) -> Affine:
    score, best = _best_refined(head, t1w, pose.plain_starts(head, t1w), around)
    if score < GOOD_CORRELATION:
        rotated = _best_refined(head, t1w, pose.rotated_starts(head, t1w), around)
        score, best = max((score, best), rotated, key=lambda found: found[0])
    if score < LEAST_CORRELATION:
        raise SubjectError(
            f"The T1w does not look like the template's head in any pose (correlation "
            f"{score:.2f}; {LEAST_CORRELATION} is needed).",
            "Check that the image is a T1w of a whole head, or leave the subject out with "
            "cohort.exclude.",
        )
    return best


def _best_refined(
    head: Volume, t1w: Volume, starts: list[Affine], around: NDArray[np.bool_]
) -> tuple[float, Affine]:
    found: tuple[float, Affine] = (-1.0, np.eye(4))
    for start in starts:
        try:
            fit = pose.refine(head, t1w, start)
        except RuntimeError:  # ITK: this start leaves no overlap
            continue
        found = max(found, (_score(head, t1w, fit, around), fit), key=lambda pair: pair[0])
    return found


def _score(head: Volume, t1w: Volume, fit: Affine, around: NDArray[np.bool_]) -> float:
    """Give the correlation round the brain; a pose no head could have scores -1."""
    stretch = np.linalg.svd(fit[:3, :3], compute_uv=False)
    if np.linalg.det(fit[:3, :3]) < 0 or stretch.min() < 1 / MOST_STRETCH:
        return -1.0
    if stretch.max() > MOST_STRETCH:
        return -1.0
    return pose.correlation(head, t1w, fit, around)


def _around(brain: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Give the brain and the shell round it on a coarser grid."""
    return to_grid(dilate(brain, AROUND_MM), grid, order=0).data.astype(np.bool_)


def _brought_back(brain: Volume, to_template: Warp, t1w: Volume) -> Volume:
    share = brain.with_data(brain.data.astype(np.float32))
    inside = to_grid(share, t1w.grid, warp=to_template, order=1).data > 0.5
    if not inside.any():
        raise SubjectError(
            "The template's brain fell outside the T1w's field of view.",
            "Check the T1w, or leave the subject out with cohort.exclude.",
        )
    return t1w.with_data(_one_piece(inside))


def _one_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, _ = ndimage.label(mask)
    largest = np.bincount(labels.ravel())[1:].argmax() + 1
    return np.asarray(ndimage.binary_fill_holes(labels == largest), dtype=np.bool_)
