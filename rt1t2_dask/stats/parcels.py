"""Means of maps over the regions of an atlas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.jit import compiled

Floats = NDArray[np.float64]

# A mean over less than half of a region does not represent it.
MIN_COVERAGE = 0.5


def parcel_means(
    maps: NDArray[Any], labels: NDArray[np.integer[Any]], wanted: Sequence[int]
) -> Floats:
    """Average maps over regions.

    Parameters
    ----------
    maps : ndarray, shape (..., *labels.shape)
        Any unit. NaN voxels are left out of the mean; zeros are not.
    labels : ndarray of int
        On the maps' own grid; 0 is background.
    wanted : sequence of int
        Labels to average, the order of the columns.

    Returns
    -------
    ndarray of float64, shape (..., len(wanted))
        NaN where a region holds no measured voxel.

    Raises
    ------
    UserError
        The maps are not on the labels' grid.

    Notes
    -----
    As JuSpace 1.5 (``mean`` of the non-NaN voxels), equal to 5e-10.
    """
    leading = maps.shape[: maps.ndim - labels.ndim]
    flat = _flat(maps, labels)
    runs = _Runs(labels, wanted)
    means = np.stack([runs.mean(row) for row in flat]) if len(flat) else np.empty((0, len(wanted)))
    return means.reshape(*leading, len(wanted))


def parcel_voxels(labels: NDArray[np.integer[Any]], wanted: Sequence[int]) -> NDArray[np.int64]:
    """Count each region's voxels on the grid, measured or not, shape (len(wanted),)."""
    return _Runs(labels, wanted).voxels


def parcel_coverage(
    maps: NDArray[Any], labels: NDArray[np.integer[Any]], wanted: Sequence[int]
) -> Floats:
    """Return the measured fraction of each region's voxels, 0 to 1 (NaN: no such region)."""
    measured = np.isfinite(maps).astype(np.float32)
    return parcel_means(measured, labels, wanted)


def measured_means(
    maps: NDArray[Any],
    labels: NDArray[np.integer[Any]],
    wanted: Sequence[int],
    in_view: Floats | float = 1.0,
) -> tuple[Floats, Floats]:
    """Average maps over regions with at least half of their voxels measured.

    Parameters
    ----------
    maps, labels, wanted
        As in `parcel_means`.
    in_view : ndarray, shape (len(wanted),), or float
        Fraction of each region inside the grid, 0 to 1.

    Returns
    -------
    means, coverage : ndarray of float64, shape (..., len(wanted))
        A mean is NaN where the coverage, the measured fraction of the whole region, is under
        `MIN_COVERAGE`.
    """
    coverage = parcel_coverage(maps, labels, wanted)
    coverage = np.where(np.equal(in_view, 0), 0.0, coverage * in_view)
    means = np.where(coverage >= MIN_COVERAGE, parcel_means(maps, labels, wanted), np.nan)
    return means, coverage


@compiled
def run_sums(
    row: NDArray[Any],
    first: NDArray[np.intp],
    lengths: NDArray[np.intp],
    totals: Floats,
) -> None:
    """Sum runs of a row that start at ``first``; other elements are not read."""
    for k in range(first.shape[0]):
        total = 0.0
        for value in row[first[k] : first[k] + lengths[k]]:
            total += value
        totals[k] = total


class _Runs:
    """The label image as runs of equal neighbours: sums need one pass and no index list."""

    def __init__(self, labels: NDArray[np.integer[Any]], wanted: Sequence[int]) -> None:
        flat = labels.ravel()
        self.starts = np.r_[0, np.flatnonzero(flat[1:] != flat[:-1]) + 1]
        lengths = np.diff(np.r_[self.starts, flat.size])
        order = np.argsort(wanted)
        ordered = np.asarray(wanted, dtype=np.int64)[order]
        run_label = flat[self.starts].astype(np.int64)
        place = np.minimum(np.searchsorted(ordered, run_label), len(ordered) - 1)
        self.used = ordered[place] == run_label
        self.column = order[place][self.used]
        self.n_columns = len(ordered)
        self.lengths = lengths[self.used]
        self.first = self.starts[self.used]
        self.voxels = self._per_region(self.lengths).astype(np.int64)

    def _per_region(self, per_run: NDArray[Any]) -> Floats:
        sums = np.bincount(self.column, weights=per_run, minlength=self.n_columns)
        return sums.astype(np.float64)

    def mean(self, row: NDArray[Any]) -> Floats:
        total, count = self._per_region(self._sums(row)), self.voxels.astype(np.float64)
        if np.isnan(total).any():
            missing = np.isnan(row)
            total = self._per_region(self._sums(np.where(missing, 0, row)))
            count = count - self._per_region(self._sums(missing.astype(np.float64)))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(count > 0, total / count, np.nan))

    def _sums(self, row: NDArray[Any]) -> Floats:
        totals = np.empty(len(self.column))
        run_sums(np.ascontiguousarray(row), self.first, self.lengths, totals)
        return totals


def _flat(maps: NDArray[Any], labels: NDArray[np.integer[Any]]) -> NDArray[Any]:
    if labels.ndim > maps.ndim or maps.shape[maps.ndim - labels.ndim :] != labels.shape:
        raise UserError(
            f"Maps of shape {maps.shape} do not end in the atlas labels' grid {labels.shape}: "
            "resample the atlas to the maps' grid first."
        )
    return maps.reshape(-1, labels.size)
