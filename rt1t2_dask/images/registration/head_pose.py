"""Multi-start search of a head's pose relative to the template's head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.brain.lesion import dilate
from rt1t2_dask.images.registration import pose, pose_climb
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import about, compose, move
from rt1t2_dask.images.volume import Affine, Grid, Volume

Mask = NDArray[np.bool_]

# Search no further: right poses of six real heads have a similarity of 0.28 to 0.63 and 1.9 to 5
# times that of the best other pose; wrong ones up to 0.26, and 1.15 times. Half turns are worth
# a try from GOOD_SIMILARITY on; under SURE_SIMILARITY climbing moved one of the six (0.25 to 0.34).
GOOD_SIMILARITY, SURE_SIMILARITY, SURE_MARGIN = 0.24, 0.3, 1.5
# Less is refused (`brain.Registered.doubts`), and what would be refused is searched further.
LEAST_MARGIN = 1.2
WORTH_MORE = 1.05
MOST_STRETCH = 1.6
MOST_OTHERS = 3
AROUND_MM = 10.0
_HALF_TURNS = (np.diag([1.0, -1, -1, 1]), np.diag([-1.0, 1, -1, 1]), np.diag([-1.0, -1, 1, 1]))


@dataclass(frozen=True)
class Pose:
    """A head's pose relative to the template.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Template mm to subject mm.
    similarity : float
        Mutual information of the ranks round the brain, nats (`pose.similarity`).
    rival : float
        Similarity of the best pose that is turned by over 25 degrees from this one; 0 for none.
    """

    matrix: Affine
    similarity: float
    rival: float = 0.0

    @property
    def margin(self) -> float:
        """Ratio of the similarity to that of the best other pose, at most 100."""
        return float(min(self.similarity / self.rival, 100.0)) if self.rival > 0 else 100.0


def best_pose(head: Volume, t1w: Volume, brain: Volume) -> Pose:
    """Search the affine pose of a head, and the best distinct pose.

    Parameters
    ----------
    head, t1w : Volume
        Whole heads, at the working voxel size.
    brain : Volume
        Boolean brain mask in the space of `head`.

    Returns
    -------
    Pose
        Never refused here: see `brain.Registered.check`.

    Notes
    -----
    Starts: the headers and the centres of mass; then the best of 648 rotations, and of these with
    shifts, until one pose is good and much better than any other. From a good one, the head is
    turned by 180 degrees about its three axes: heads are nearly round, so upside-down and back to
    front are where searches end. Where descent leaves doubt, the best poses are climbed with 12
    degrees of freedom, and where the best pose would be refused for another that fits as well,
    90 rotations are climbed (`pose_climb`).
    """
    search = _Search(head, t1w, _around(brain, head.grid))
    for starts in (search.plain_starts(), search.turned_starts()):
        search.fit(starts)
        if not search.sure():
            search.climb()
        if search.sure():
            return search.best()
    if search.best().margin < LEAST_MARGIN:
        search.climb_from_everywhere()
    return search.best()


class _Search:
    """All poses of one head tried so far.

    Parameters
    ----------
    head, t1w : Volume
        As for `best_pose`.
    around : ndarray of bool, shape of `head`
        Voxels where the two are compared.
    """

    def __init__(self, head: Volume, t1w: Volume, around: Mask) -> None:
        self.head, self.t1w, self.around = head, t1w, around
        self._similar: list[Pose] = []
        self._fits: list[Pose] = []
        self._doubtful: list[Pose] = []

    def best(self) -> Pose:
        """Return the most similar pose, with the similarity of the best distinct pose."""
        best = max(self._fits, key=_similarity)
        others = [
            fit.similarity
            for fit in (*self._fits, *self._doubtful)
            if pose.angle_between(fit.matrix, best.matrix) > pose_climb.OTHER_DEGREES
        ]
        return replace(best, rival=max([0.0, *others]))

    def sure(self) -> bool:
        best = self.best()
        return best.similarity >= SURE_SIMILARITY and best.margin >= SURE_MARGIN

    def plain_starts(self) -> list[Affine]:
        return pose.plain_starts(self.head, self.t1w)

    def turned_starts(self) -> Iterator[Affine]:
        yield from pose.rotated_starts(self.head, self.t1w, self.head.with_data(self.around))
        yield from pose.shifted_starts(self.head, self.t1w)

    def fit(self, starts: Iterable[Affine]) -> None:
        """Fit from starts, and from 180-degree rotations of new best fits, until one is best."""
        turned = max([0.0, *map(_similarity, self._fits)])
        for start in starts:
            self._fit(start)
            best = max(self._fits, key=_similarity)
            if best.similarity >= max(GOOD_SIMILARITY, turned * WORTH_MORE):
                for turn in self._half_turns(best):
                    self._fit(turn)
                turned = max(map(_similarity, self._fits))
                if self.sure():
                    return

    def climb(self) -> None:
        """Climb from the best distinct rigid poses, then from 180-degree rotations of the best.

        Climbs from affine fits ended lower in some heads: they keep the shear of the descent.
        """
        climb = pose_climb.affine_climb(self.head, self.t1w, self.around)
        ranked = [one.matrix for one in sorted(self._similar, key=_similarity, reverse=True)]
        starts = pose_climb.first_apart(ranked, pose_climb.OTHER_DEGREES, MOST_OTHERS)
        self._fits += [self._measured(climb(start)) for start in starts]
        turns = self._half_turns(max(self._fits, key=_similarity))
        self._fits += [self._measured(climb(turn)) for turn in turns]

    def climb_from_everywhere(self) -> None:
        """Fit from climbed starts and from 180-degree rotations of the best, all by the same steps.

        Whole heads are not fitted again: neck and field of view drew right poses 14 mm away. Many
        starts find a fit in noise too: without a good similarity they count only as rivals.
        """
        slope = pose_climb.Slope(self.head, self.t1w, self.around)
        found = [self._polished(start) for start in pose_climb.climbed_starts(slope)]
        turns = self._half_turns(max(found, key=_similarity))
        for fit in found + [self._polished(slope.sized(turn)) for turn in turns]:
            (self._fits if fit.similarity >= GOOD_SIMILARITY else self._doubtful).append(fit)

    def _fit(self, start: Affine) -> None:
        """Fit whole heads, then the brain and its shell."""
        rigid = pose.similar(self.head, self.t1w, start)
        self._similar.append(self._measured(rigid))
        self._fits.append(self._polished(rigid))

    def _polished(self, start: Affine) -> Pose:
        fit = pose.refine(self.head, self.t1w, start, within=self.around)
        both = [start] if fit is None else [start, fit]
        return max((self._measured(matrix) for matrix in both), key=_similarity)

    def _measured(self, fit: Affine) -> Pose:
        """Return a pose with its similarity; -1 where it is impossible for a head."""
        if not _possible(fit):
            return Pose(fit, -1.0)
        return Pose(fit, pose.similarity(self.head, self.t1w, fit, self.around))

    def _half_turns(self, best: Pose) -> list[Affine]:
        middle = move(self.head.affine, np.argwhere(self.around).mean(axis=0))
        return [compose(about(turn, middle), best.matrix) for turn in _HALF_TURNS]


def _similarity(fit: Pose) -> float:
    return fit.similarity


def _possible(fit: Affine) -> bool:
    """Whether a head can have this size and shape, and is not mirrored."""
    stretch = np.linalg.svd(fit[:3, :3], compute_uv=False)
    whole = stretch.min() >= 1 / MOST_STRETCH and stretch.max() <= MOST_STRETCH
    return bool(whole and np.linalg.det(fit[:3, :3]) > 0)


def _around(brain: Volume, grid: Grid) -> Mask:
    """Return the brain and the shell round it on a coarser grid."""
    return to_grid(dilate(brain, AROUND_MM), grid, order=0).data.astype(np.bool_)
