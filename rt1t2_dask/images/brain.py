"""Brain mask: the template's mask brought back through the registration of the whole head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images import greedy, pose
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.transform import Warp, inverse
from rt1t2_dask.images.volume import Affine, Volume

WORKING_MM = 4.0
GOOD_CORRELATION = 0.75
LEAST_CORRELATION = 0.5
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
        No pose makes the two heads alike (correlation under 0.5).

    Notes
    -----
    Affine by mutual information, then a diffeomorphism by cross-correlation, both at 4 mm.
    """
    coarse_head = regrid(head, WORKING_MM)
    coarse_t1w = regrid(t1w, WORKING_MM)
    to_subject = _pose(coarse_head, coarse_t1w)
    to_template = inverse(to_subject)
    warp = greedy.deform(coarse_t1w, coarse_head, to_template, SCHEDULE)
    return Brain(_brought_back(brain, warp, t1w), to_subject)


def _pose(head: Volume, t1w: Volume) -> Affine:
    score, best = _best_refined(head, t1w, pose.plain_starts(head, t1w))
    if score < GOOD_CORRELATION:
        rotated = _best_refined(head, t1w, pose.rotated_starts(head, t1w))
        score, best = max((score, best), rotated, key=lambda found: found[0])
    if score < LEAST_CORRELATION:
        raise SubjectError(
            f"The T1w does not look like the template's head in any pose (correlation "
            f"{score:.2f}; {LEAST_CORRELATION} is needed).",
            "Check that the image is a T1w of a whole head, or leave the subject out with "
            "cohort.exclude.",
        )
    return best


def _best_refined(head: Volume, t1w: Volume, starts: list[Affine]) -> tuple[float, Affine]:
    fits = []
    for start in starts:
        try:
            fits.append(pose.refine(head, t1w, start))
        except RuntimeError:  # ITK: this start leaves no overlap
            continue
    scored = [(pose.correlation(head, t1w, fit), fit) for fit in fits]
    return max(scored, key=lambda found: found[0], default=(-1.0, np.eye(4)))


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
