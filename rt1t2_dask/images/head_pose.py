"""Where a head lies against the template's: start after start refined, the best kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images import pose, pose_climb
from rt1t2_dask.images.lesion import dilate
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import about, compose, move
from rt1t2_dask.images.volume import Affine, Grid, Volume

Mask = NDArray[np.bool_]

# Search no further: right poses of six real heads have a likeness of 0.28 to 0.58 and 1.9 to 5
# times that of the best other pose; wrong ones up to 0.26, and 1.15 times.
GOOD_LIKENESS, SURE_MARGIN = 0.24, 1.5
# Less is refused (`brain.Registered.doubts`), and what would be refused is searched further.
LEAST_MARGIN = 1.2
WORTH_MORE = 1.05
MOST_STRETCH = 1.6
OTHER_DEGREES = 25.0
AROUND_MM = 10.0
_HALF_TURNS = (np.diag([1.0, -1, -1, 1]), np.diag([-1.0, 1, -1, 1]), np.diag([-1.0, -1, 1, 1]))


@dataclass(frozen=True)
class Pose:
    """Where a head lies.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Template mm to subject mm.
    likeness : float
        Mutual information of the ranks round the brain, nats (`pose.likeness`).
    rival : float
        Likeness of the best pose that is turned by over 25 degrees from this one; 0 for none.
    """

    matrix: Affine
    likeness: float
    rival: float = 0.0

    @property
    def margin(self) -> float:
        """How many times more alike the heads are than in the best other pose, at most 100."""
        return float(min(self.likeness / self.rival, 100.0)) if self.rival > 0 else 100.0


def best_pose(head: Volume, t1w: Volume, brain: Volume) -> Pose:
    """Search the affine pose of a head, and the best pose that is really another.

    Parameters
    ----------
    head, t1w : Volume
        Whole heads, at the voxel size to work at.
    brain : Volume
        Boolean brain mask in the space of `head`.

    Returns
    -------
    Pose
        Never refused: whether it is right is for `brain.judge`.

    Notes
    -----
    Starts: the headers, the centres of mass, then the best of 648 rotations, then of these with
    shifts, until one is good and much better than any other. From a good one, the head is turned
    by 180 degrees about its three axes: heads are nearly round, so upside-down and back to front
    are where searches end. Where the best pose would be refused
    for another that fits as well, 90 rotations are climbed (`pose_climb`).
    """
    around = _around(brain, head.grid)
    fits: list[Pose] = []
    turned = 0.0
    for start in _starts(head, t1w, around):
        fits.append(_refined(head, t1w, start, around))
        best = max(fits, key=_likeness)
        if best.likeness >= max(GOOD_LIKENESS, turned * WORTH_MORE):
            fits += _half_turned(head, t1w, best, around)
            best = _settled(fits)
            turned = best.likeness
            if best.margin >= SURE_MARGIN:
                return best
    fits += _half_turned(head, t1w, max(fits, key=_likeness), around) if not turned else []
    settled = _settled(fits)
    if settled.margin >= LEAST_MARGIN:
        return settled
    climbed = _climbed(head, t1w, around)
    # Many starts find something in noise too: short of a good likeness they only speak against.
    best = max([*fits, *(fit for fit in climbed if fit.likeness >= GOOD_LIKENESS)], key=_likeness)
    return replace(best, rival=_rival(best, [*fits, *climbed]))


def _half_turned(head: Volume, t1w: Volume, best: Pose, around: Mask) -> list[Pose]:
    return [_refined(head, t1w, start, around) for start in _half_turns(head, best, around)]


def _half_turns(head: Volume, best: Pose, around: Mask) -> list[Affine]:
    middle = move(head.affine, np.argwhere(around).mean(axis=0))
    return [compose(about(turn, middle), best.matrix) for turn in _HALF_TURNS]


def _climbed(head: Volume, t1w: Volume, around: Mask) -> list[Pose]:
    """Fit from climbed starts and from half turns of the best, all by the same steps.

    Whole heads are not fitted again: neck and field of view drew right poses 14 mm away.
    """
    slope = pose_climb.Slope(head, t1w, around)
    fits = [_polished(head, t1w, m, around) for m in pose_climb.climbed_starts(slope)]
    turns = _half_turns(head, max(fits, key=_likeness), around)
    return fits + [_polished(head, t1w, slope.sized(turn), around) for turn in turns]


def _settled(fits: list[Pose]) -> Pose:
    best = max(fits, key=_likeness)
    return replace(best, rival=_rival(best, fits))


def _likeness(fit: Pose) -> float:
    return fit.likeness


def _rival(best: Pose, fits: list[Pose]) -> float:
    others = [
        fit.likeness for fit in fits if pose.angle_between(fit.matrix, best.matrix) > OTHER_DEGREES
    ]
    return max([0.0, *others])


def _starts(head: Volume, t1w: Volume, around: Mask) -> Iterator[Affine]:
    yield from pose.plain_starts(head, t1w)
    yield from pose.rotated_starts(head, t1w, head.with_data(around))
    yield from pose.shifted_starts(head, t1w)


def _refined(head: Volume, t1w: Volume, start: Affine, around: Mask) -> Pose:
    """Fit from one start, whole heads first, then the brain and its shell; -1 where none fits."""
    try:
        rigid = pose.similar(head, t1w, start)
    except RuntimeError:  # ITK: this start leaves no overlap
        return Pose(start, -1.0)
    return _polished(head, t1w, rigid, around)


def _polished(head: Volume, t1w: Volume, start: Affine, around: Mask) -> Pose:
    """Fit the brain and its shell from one start; -1 where neither can be a head's."""
    try:
        fit = pose.refine(head, t1w, start, within=around)
    except RuntimeError:  # ITK: this start leaves no overlap
        return Pose(start, -1.0)
    fits = [Pose(m, pose.likeness(head, t1w, m, around)) for m in (start, fit) if _possible(m)]
    return max(fits, key=_likeness, default=Pose(fit, -1.0))


def _possible(fit: Affine) -> bool:
    """Whether a head can have this size and shape, and is not mirrored."""
    stretch = np.linalg.svd(fit[:3, :3], compute_uv=False)
    whole = stretch.min() >= 1 / MOST_STRETCH and stretch.max() <= MOST_STRETCH
    return bool(whole and np.linalg.det(fit[:3, :3]) > 0)


def _around(brain: Volume, grid: Grid) -> Mask:
    """Give the brain and the shell round it on a coarser grid."""
    return to_grid(dilate(brain, AROUND_MM), grid, order=0).data.astype(np.bool_)
