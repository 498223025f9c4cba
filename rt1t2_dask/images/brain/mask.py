"""Brain mask: the template's mask back-projected through the registration of the whole head."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain import edge as brain_edge
from rt1t2_dask.images.brain.foreground import foreground, to_head
from rt1t2_dask.images.brain.lesion import dilate
from rt1t2_dask.images.distance import distance_from
from rt1t2_dask.images.registration import lncc
from rt1t2_dask.images.registration.head_pose import (
    LEAST_MARGIN,
    SURE_MARGIN,
    SURE_SIMILARITY,
    Pose,
    best_pose,
)
from rt1t2_dask.images.registration.pose import refine
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.transform import Warp, inverse, move
from rt1t2_dask.images.volume import Affine, Grid, Volume

Mask = NDArray[np.bool_]

WORKING_MM = 4.0
# Set on the trials of benchmarks/heads/poses_trials.py; see docs/quality-limits.md.
LEAST_NCC, UNSURE_NCC = 0.4, 0.55  # the second where another pose fits nearly as well
CLEAR_MARGIN, CLEAR_NCC = 1.1, 0.65
LEAST_REACH = 0.3
# The face: so far in front of the brain's middle and below it, mm, and off the brain.
FACE_MM, FACE_GAP_MM, FACE_LEVEL = (40.0, 30.0), 8.0, 0.2
LEAST_FACE = 0.1
SCHEDULE = lncc.Schedule(iterations=(60, 40))


@dataclass(frozen=True)
class Registered:
    """A head registered to the template's, with measures of how far to trust it.

    Parameters
    ----------
    pose : Pose
    warp : Warp
        Subject mm to template mm, at 4 mm.
    ncc : float
        Correlation of the two T1w over the template's brain after registration, -1 to 1.
    reach : float
        Share of the template's brain that lies in the T1w's field of view.
    face : float
        Share of the template's face that is tissue where the T1w shows it, 0 to 1: low where the
        face was removed; 1 where a tenth of it at most is in the field of view.
    """

    pose: Pose
    warp: Warp
    ncc: float
    reach: float
    face: float = 1.0

    def clear(self) -> bool:
        """Whether a pose is accepted although another pose fits nearly as well.

        Set on one real head cut at the neck in slices of 5.5 mm (margin 1.12, similarity 0.35,
        correlation 0.67); of 19 things and scraps spheres are as similar (0.31), at margins to
        1.02, and knees have margins to 1.12, at a similarity to 0.17.
        """
        return _promising(self.pose) and self.ncc >= CLEAR_NCC

    def doubts(self) -> list[str]:
        """List what speaks against this being a head in its right pose; empty if nothing does."""
        found = []
        if self.reach < LEAST_REACH:
            found.append(f"its field of view holds {self.reach:.0%} of a brain")
        if self.pose.margin < LEAST_MARGIN and not self.clear():
            found.append(
                f"another pose fits as well (similarity {self.pose.similarity:.2f} and "
                f"{self.pose.rival:.2f}; {LEAST_MARGIN:g} times is needed)"
            )
        least = LEAST_NCC if self.pose.margin >= SURE_MARGIN else UNSURE_NCC
        if self.ncc < least:
            found.append(
                f"registered, the brain does not look like the template's (correlation "
                f"{self.ncc:.2f}; {least:g} is needed)"
            )
        return found

    def check(self) -> None:
        """Refuse an image that is no T1w of a head, or whose pose cannot be trusted.

        Raises
        ------
        SubjectError
        """
        doubts = self.doubts()
        if doubts:
            raise SubjectError(
                f"The T1w does not look like a head in the pose found: {'; '.join(doubts)}.",
                "Check its mosaic in the output folder; leave the subject out with "
                "cohort.exclude, or set checks.pose=false if the outline is right.",
            )


@dataclass(frozen=True)
class Brain:
    """A brain mask on the T1w grid (boolean), and the registration that found it."""

    mask: Volume
    registered: Registered

    @property
    def affine(self) -> Affine:
        """Template mm to subject mm, shape (4, 4)."""
        return self.registered.pose.matrix


def register(t1w: Volume, head: Volume, brain: Volume) -> Registered:
    """Register a T1w of a whole head to the template's head without judging the result.

    Parameters
    ----------
    t1w : Volume
        Bias corrected, finite; any pose and voxel size.
    head : Volume
        T1w template of a whole head.
    brain : Volume
        Boolean brain mask on the grid of `head`.

    Notes
    -----
    Affine by mutual information, then a diffeomorphism by cross-correlation, both at 4 mm. Where
    the brain of a promising pose is not clearly similar then, again from an affine of the brain
    alone, and the more similar is kept: a head in 5.5 mm slices that end at the cerebellum went
    from 0.49 to 0.66.
    """
    still, moved = regrid(head, WORKING_MM), regrid(to_head(t1w), WORKING_MM)
    pose = best_pose(still, moved, brain)
    reach = _reach(brain, pose.matrix, moved)
    if reach < LEAST_REACH:  # too little to deform
        return Registered(pose, Warp(inverse(pose.matrix)), 0.0, reach)
    warp, ncc = _deformed(still, moved, brain, pose.matrix)
    if ncc < CLEAR_NCC and _promising(pose):
        own = to_grid(brain, still.grid, order=0).data
        closer = refine(still, moved, pose.matrix, within=own)
        if closer is not None:
            other, again = _deformed(still, moved, brain, closer)
            if again > ncc:
                pose, warp, ncc = replace(pose, matrix=closer), other, again
    face = _face(t1w, still, brain, pose.matrix)
    return Registered(pose, warp, ncc, reach, face)


def _promising(pose: Pose) -> bool:
    """Whether a pose is as similar as a head's, and more than other poses."""
    return pose.similarity >= SURE_SIMILARITY and pose.margin >= CLEAR_MARGIN


def _deformed(still: Volume, moved: Volume, brain: Volume, pose: Affine) -> tuple[Warp, float]:
    """Deform from a pose; return the warp and the correlation of the brains."""
    warp = lncc.deform(moved, still, inverse(pose), SCHEDULE)
    inside = _inside(brain, warp, moved.grid)
    pulled = to_grid(still, moved.grid, warp=warp, order=1, within=inside).data
    return warp, _correlation(pulled[inside], moved.data[inside])


def extract(
    t1w: Volume, head: Volume, brain: Volume, lesion: Volume | None = None, *, refuse: bool = True
) -> Brain:
    """Find the brain in a T1w of the whole head.

    Parameters
    ----------
    t1w, head, brain : Volume
        As for `register`.
    lesion : Volume, optional
        Boolean, on the grid of `t1w`: stays in the mask, however dark.
    refuse : bool
        False: accept the pose despite `Registered.doubts`.

    Raises
    ------
    SubjectError
        The pose is doubtful, or the brain lies outside the field of view.

    Notes
    -----
    The back-projected mask of the template is trimmed to the tissue (`edge.trim`).
    """
    found = register(t1w, head, brain)
    if refuse:
        found.check()
    inside = _inside(brain, found.warp, t1w.grid)
    if not inside.any():
        raise SubjectError(
            "The template's brain fell outside the T1w's field of view.",
            "Check the T1w, or leave the subject out with cohort.exclude.",
        )
    mask = brain_edge.trim(inside, t1w, None if lesion is None else lesion.data)
    return Brain(t1w.with_data(mask), found)


def _correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1])


def _reach(brain: Volume, pose: Affine, t1w: Volume) -> float:
    points = move(inverse(t1w.affine) @ pose @ brain.affine, np.argwhere(brain.data)[::29])
    return float(((points > -0.5) & (points < np.array(t1w.data.shape) - 0.5)).all(axis=1).mean())


def _face(t1w: Volume, head: Volume, brain: Volume, pose: Affine) -> float:
    """Return the fraction of the template's face in view that is brighter than air in the T1w."""
    world = head.grid.world()
    middle = move(brain.affine, np.argwhere(brain.data).mean(axis=0))
    front = (world[..., 1] - middle[1] > FACE_MM[0]) & (world[..., 2] - middle[2] < -FACE_MM[1])
    face = front & foreground(head) & ~to_grid(dilate(brain, FACE_GAP_MM), head.grid, order=0).data
    view = to_grid(t1w, head.grid, rigid=pose, order=1, outside=np.nan, within=face).data[face]
    seen = view[np.isfinite(view)]
    inside = to_grid(brain, head.grid, order=0).data
    level = FACE_LEVEL * np.median(to_grid(t1w, head.grid, rigid=pose, order=1).data[inside])
    return float((seen > level).mean()) if len(seen) > LEAST_FACE * len(view) else 1.0


def _inside(brain: Volume, to_template: Warp, grid: Grid) -> Mask:
    share = brain.with_data(brain.data.astype(np.float32))
    inside: Mask = to_grid(share, grid, warp=to_template, order=1).data > 0.5
    return inside


def check_lesion(lesion: Volume, brain: Volume) -> float:
    """Refuse a lesion mask wholly outside the brain: it is another person's, or misplaced.

    Parameters
    ----------
    lesion, brain : Volume
        Boolean, on one grid; neither is empty.

    Returns
    -------
    float
        Share of the lesion outside the brain.

    Raises
    ------
    SubjectError
    """
    count, outside = int(lesion.data.sum()), int((lesion.data & ~brain.data).sum())
    if count and outside == count:
        away = distance_from(brain.data, brain.grid.voxel_mm)
        raise SubjectError(
            f"the lesion mask ({count} voxels) lies outside the brain, at least "
            f"{away[lesion.data].min():.0f} mm from it.",
            "Draw it on this T1w, check whose mask it is, or leave the subject out with "
            "cohort.exclude.",
        )
    return outside / max(count, 1)
