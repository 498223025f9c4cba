"""Optimise poses on the similarity round the brain: many rotations coarsely, a few fully."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from rt1t2_dask.images.registration import pose
from rt1t2_dask.images.registration.rank_kernels import pull, ranked_information
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.transform import about, compose, inverse, move, translation
from rt1t2_dask.images.volume import Affine, Array, Volume

# Set on three turned heads that 17 starts missed (two real ones, one painted, against the head
# built round the brain). Begun at the template's own size two ended 1.2 times too large, similarity
# 0.24 and 0.41 for 0.38 and 0.52, and the third was not found; at 0.9 all three came out best.
_APART_DEGREES, _CLIMBED = 30.0, 90
OTHER_DEGREES, _KEPT = 25.0, 6
_USUAL = 0.9  # heads against the template's: 0.83 to 0.95 built, 0.89 to 1.0 installed
_SIZES = (0.8, 0.9, 1.0, 1.1)
_ROUGH, _FINE, _SHAPED = 80, 150, 1000  # similarities computed for one climb
_RIGID = np.array([*np.deg2rad([10.0] * 3), 10.0, 10.0, 10.0])  # radians and mm
_AFFINE = np.array([*_RIGID, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05])  # logarithms of scales, shears
_CLOSE_MM, _THINNED, _SMALLER = 4.0, 3, 0.5


class Slope:
    """The similarity of a head and the template's, evaluated at points round the brain.

    Parameters
    ----------
    fixed, moving : Volume
        Template's and subject's whole head.
    around : ndarray of bool, shape of `fixed`
        Voxels where the two are compared.
    voxel_mm : float
        Working voxel size.
    thinned : int
        Subsampling: one voxel in this many is compared.
    """

    def __init__(
        self,
        fixed: Volume,
        moving: Volume,
        around: Array,
        voxel_mm: float = pose.SEARCH_MM,
        thinned: int = 1,
    ) -> None:
        self.still, self.moved = regrid(fixed, voxel_mm), regrid(moving, voxel_mm)
        within = to_grid(fixed.with_data(around), self.still.grid, order=0).data.astype(bool)
        self._points = move(self.still.affine, np.argwhere(within)[::thinned])
        self._values = self.still.data[within][::thinned].astype(np.float64)
        self._centre = self._points.mean(axis=0)
        self._data = np.ascontiguousarray(self.moved.data, dtype=np.float32)
        self._to_index = inverse(self.moved.affine)

    def at(self, matrix: Affine) -> float:
        """Return the mutual information of the ranks, nats, near `pose.similarity` (0.01).

        Parameters
        ----------
        matrix : ndarray, shape (4, 4)
            Fixed mm to moving mm.
        """
        way = np.ascontiguousarray((self._to_index @ matrix)[:3])
        pulled = np.empty(len(self._points))
        inside = pull(self._points, way, self._data, pulled)
        if inside < pose.LEAST_REACH * len(pulled):
            return 0.0
        return ranked_information(self._values, pulled, pose.CLASSES)

    def climbed(self, start: Affine, most: int, units: Array = _RIGID) -> Affine:
        """Maximise the similarity from a pose by Powell's method; six units keep its size.

        Parameters
        ----------
        start : ndarray, shape (4, 4)
        most : int
            Approximate number of evaluations.
        units : ndarray, shape (6,) or (12,)
            First steps: three rotations (radians), shifts (mm), then of the logarithms of three
            scales and of three shears.
        """

        def below(step: Array) -> float:
            return -self.at(self._stepped(start, step * units))

        options = {"maxfev": most, "xtol": 0.05, "ftol": 1e-3 if len(units) == 6 else 1e-4}
        found = minimize(below, np.zeros(len(units)), method="Powell", options=options)
        return self._stepped(start, found.x * units)

    def sized(self, start: Affine) -> Affine:
        """Climb from a pose scaled to 0.8, 0.9, 1 and 1.1 times the usual size; return the best.

        The similarity has another maximum where the template's brain fills the skull.
        """
        starts = [self.resized(start, size / _USUAL) for size in _SIZES]
        return max((self.climbed(resized, _FINE) for resized in starts), key=self.at)

    def resized(self, matrix: Affine, size: float) -> Affine:
        """Scale a pose to a head of the given relative size."""
        return compose(about(np.diag([size, size, size, 1.0]), self._centre), matrix)

    def _stepped(self, start: Affine, step: Array) -> Affine:
        turn = np.eye(4)
        turn[:3, :3] = Rotation.from_rotvec(step[:3]).as_matrix()
        if len(step) > 6:
            turn[:3, :3] = turn[:3, :3] @ np.diag(np.exp(step[6:9])) @ _sheared(step[9:])
        return compose(about(turn, self._centre), translation(step[3:6]), start)


def _sheared(by: Array) -> Array:
    matrix = np.eye(3)
    matrix[[0, 0, 1], [1, 2, 2]] = by
    return matrix


def affine_climb(fixed: Volume, moving: Volume, around: Array) -> Callable[[Affine], Affine]:
    """Return a function that climbs from a pose with 12 degrees of freedom, at 8 mm, then at 4 mm.

    Parameters
    ----------
    fixed, moving, around
        As for `Slope`.

    Notes
    -----
    Where scalps and gain differ, descent on Mattes' measure leaves right poses. Set on three
    simulated heads against the head built round the brain (one of 2 mm, two of 4 mm): similarity
    0.21 to 0.32 after descent, 14 to 18 mm off in two; climbed 0.37 to 0.44, half turns up to 0.26.
    """
    slopes = Slope(fixed, moving, around), Slope(fixed, moving, around, _CLOSE_MM, _THINNED)

    def climb(start: Affine) -> Affine:
        far = slopes[0].climbed(start, _SHAPED, _AFFINE)
        return slopes[1].climbed(far, _SHAPED, _AFFINE * _SMALLER)

    return climb


def climbed_starts(slope: Slope) -> list[Affine]:
    """Climb from 90 rotations; return the best six distinct poses, rescaled.

    The rotations are the most similar of 648 that are over 30 degrees apart; the poses are over 25
    degrees apart. Shape of each (4, 4), fixed mm to moving mm.
    """
    starts = [slope.resized(turn, _USUAL) for turn in pose.turns(slope.still, slope.moved)]
    starts.sort(key=slope.at, reverse=True)
    turned = first_apart(starts, _APART_DEGREES, _CLIMBED)
    rough = [slope.climbed(start, _ROUGH) for start in turned]
    rough.sort(key=slope.at, reverse=True)
    return [slope.sized(start) for start in first_apart(rough, OTHER_DEGREES, _KEPT)]


def first_apart(ranked: Iterable[Affine], degrees: float, most: int) -> list[Affine]:
    """Return the first poses rotated by more than so many degrees from each before them."""
    kept: list[Affine] = []
    for matrix in ranked:
        if all(pose.angle_between(matrix, other) > degrees for other in kept):
            kept.append(matrix)
        if len(kept) == most:
            break
    return kept
