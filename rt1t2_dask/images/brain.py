"""Brain mask: the template's mask brought back through the registration of the whole head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images import brain_edge, greedy, pose
from rt1t2_dask.images.lesion import dilate
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.transform import Warp, inverse
from rt1t2_dask.images.volume import Affine, Grid, Volume

WORKING_MM = 4.0
# Right poses of six label heads and two real ones: 0.26 to 0.65; wrong ones: at most 0.19.
GOOD_LIKENESS = 0.25
LEAST_LIKENESS = 0.22
MOST_POLISHES = 4
WORTH_MORE = 1.05
MOST_STRETCH = 1.6
AROUND_MM = 10.0
SCHEDULE = greedy.Schedule(iterations=(60, 40))


@dataclass(frozen=True)
class Pose:
    """Where a head lies.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Template mm to subject mm.
    likeness : float
        Mutual information of the ranks round the brain, nats (`pose.likeness`).
    """

    matrix: Affine
    likeness: float


@dataclass(frozen=True)
class Brain:
    """A brain mask on the T1w grid (boolean), and the pose that found it."""

    mask: Volume
    pose: Pose

    @property
    def affine(self) -> Affine:
        """Template mm to subject mm, shape (4, 4)."""
        return self.pose.matrix


def extract(t1w: Volume, head: Volume, brain: Volume, lesion: Volume | None = None) -> Brain:
    """Find the brain in a T1w of the whole head.

    Parameters
    ----------
    t1w : Volume
        Bias corrected, finite; any pose and voxel size.
    head : Volume
        T1w template of a whole head.
    brain : Volume
        Boolean brain mask on the grid of `head`.
    lesion : Volume, optional
        Boolean, on the grid of `t1w`: stays in the mask, however dark.

    Raises
    ------
    SubjectError
        No pose makes the two heads alike (likeness round the brain under 0.22).

    Notes
    -----
    Affine by mutual information, then a diffeomorphism by cross-correlation, both at 4 mm; the
    template's mask brought back is trimmed to the tissue (`brain_edge.trim`).
    """
    found = locate(t1w, head, brain)
    warp = greedy.deform(
        regrid(t1w, WORKING_MM), regrid(head, WORKING_MM), inverse(found.matrix), SCHEDULE
    )
    inside = _brought_back(brain, warp, t1w)
    mask = brain_edge.trim(inside, t1w, None if lesion is None else lesion.data)
    return Brain(t1w.with_data(mask), found)


def locate(t1w: Volume, head: Volume, brain: Volume) -> Pose:
    """Find the affine pose of a head; parameters and errors as `extract`."""
    coarse_head, coarse_t1w = regrid(head, WORKING_MM), regrid(t1w, WORKING_MM)
    around = _around(brain, coarse_head.grid)
    best = _best(coarse_head, coarse_t1w, around)
    if best.likeness < LEAST_LIKENESS:
        raise SubjectError(
            f"The T1w does not look like the template's head in any pose (likeness "
            f"{best.likeness:.2f}; {LEAST_LIKENESS} is needed).",
            "Check that the image is a T1w of a whole head, or leave the subject out with "
            "cohort.exclude.",
        )
    return best


def _best(head: Volume, t1w: Volume, around: NDArray[np.bool_]) -> Pose:
    """Refine start after start until one is good, then polish it; else give the best of all."""
    best = Pose(np.eye(4), -1.0)
    for starts in (pose.plain_starts, pose.rotated_starts, pose.shifted_starts):
        for start in starts(head, t1w):
            best = _better(best, _refined(head, t1w, start, around))
            if best.likeness >= GOOD_LIKENESS:
                return _polished(head, t1w, best, around)
    return best


def _polished(head: Volume, t1w: Volume, best: Pose, around: NDArray[np.bool_]) -> Pose:
    """Refine again while that helps: a search from afar may stop half-way."""
    for _ in range(MOST_POLISHES):
        again = _refined(head, t1w, best.matrix, around)
        helped = again.likeness > best.likeness * WORTH_MORE
        best = _better(best, again)
        if not helped:
            break
    return best


def _better(one: Pose, other: Pose) -> Pose:
    return max(one, other, key=lambda fit: fit.likeness)


def _refined(head: Volume, t1w: Volume, start: Affine, around: NDArray[np.bool_]) -> Pose:
    """Fit from one start; a pose no head could have scores -1."""
    try:
        fit = pose.refine(head, t1w, start)
    except RuntimeError:  # ITK: this start leaves no overlap
        return Pose(start, -1.0)
    stretch = np.linalg.svd(fit[:3, :3], compute_uv=False)
    mirrored = np.linalg.det(fit[:3, :3]) < 0
    if mirrored or stretch.min() < 1 / MOST_STRETCH or stretch.max() > MOST_STRETCH:
        return Pose(fit, -1.0)
    return Pose(fit, pose.likeness(head, t1w, fit, around))


def _around(brain: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Give the brain and the shell round it on a coarser grid."""
    return to_grid(dilate(brain, AROUND_MM), grid, order=0).data.astype(np.bool_)


def _brought_back(brain: Volume, to_template: Warp, t1w: Volume) -> NDArray[np.bool_]:
    share = brain.with_data(brain.data.astype(np.float32))
    inside: NDArray[np.bool_] = to_grid(share, t1w.grid, warp=to_template, order=1).data > 0.5
    if not inside.any():
        raise SubjectError(
            "The template's brain fell outside the T1w's field of view.",
            "Check the T1w, or leave the subject out with cohort.exclude.",
        )
    return inside
