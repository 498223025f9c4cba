"""Correct the ratio for the transmit field (B1+), with a slope fitted by left-right asymmetry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.volume import Volume

Floats = NDArray[np.float64]
SLOPES = np.linspace(0.0, 2.0, 81)
"""Where the asymmetry is computed; between them by a parabola."""
PERCENT_ABOVE, LEAST, MOST = 10.0, 0.3, 2.0
"""Medians of a map in percent, and of one that is relative to the nominal angle."""
LEAST_PEOPLE, LEAST_PAIRS, MOST_PAIRS, TINY = 5, 500, 20_000, 1e-12
LEAST_SPREAD = 0.002
"""Of the log field, right less left, between people; simulated fields have .01 to .03."""
SMOOTH_MM = 12.0


@dataclass(frozen=True)
class FittedSlope:
    """The slope that leaves the least differences in asymmetry.

    Parameters
    ----------
    slope : float
        From 0 to 2.
    se : float
        Standard error, by jackknife over people.
    asymmetry_before, asymmetry_after : float
        Root mean square over people and pairs of the log ratio, right minus left, less the mean of
        everybody.
    """

    slope: float
    se: float
    asymmetry_before: float
    asymmetry_after: float


def relative(transmit: Volume, where: NDArray[np.bool_]) -> Volume:
    """Return a transmit map relative to the nominal flip angle; percent are recognised.

    Parameters
    ----------
    transmit : Volume
        BIDS ``TB1map``: 1 or 100 where the nominal angle is reached.
    where : ndarray of bool
        The brain.

    Raises
    ------
    SubjectError
        Its median in the brain is neither near 1 nor near 100.
    """
    inside = transmit.data[where & np.isfinite(transmit.data) & (transmit.data > 0)]
    if not inside.size:
        raise SubjectError(
            "the transmit map has no value in the brain.",
            "Check that it is in the space of the T1w, or leave the subject out.",
        )
    median = float(np.median(inside))
    unit = 100.0 if median > PERCENT_ABOVE else 1.0
    if not LEAST <= median / unit <= MOST:
        raise SubjectError(
            f"the transmit map has a median of {median:.4g} in the brain; values are 1 or 100 "
            "where the nominal flip angle is reached.",
            "Scale it, or leave the subject out with cohort.exclude.",
        )
    return transmit.with_data(np.where(transmit.data > 0, transmit.data / unit, np.nan))


def denoised(transmit: Volume) -> Volume:
    """Smooth a transmit map, which varies slowly, by 12 mm.

    Noise of a map attenuates the slope that is fitted on it.

    Parameters
    ----------
    transmit : Volume
        0 or NaN where there is no signal.
    """
    measured = np.where(transmit.data > 0, transmit.data, np.nan).astype(np.float32)
    return smooth(transmit.with_data(measured), SMOOTH_MM, "normalised")


def factor(transmit: NDArray[np.floating], slope: float) -> NDArray[np.floating]:
    """Return what the ratio is divided by: transmit * slope + 1 - slope.

    Parameters
    ----------
    transmit : ndarray
        Relative to the nominal flip angle.
    slope : float
        From 0, no correction, to 2.

    Returns
    -------
    ndarray
        NaN where it is not positive.

    Notes
    -----
    Glasser et al. 2022, NeuroImage 258:119360.
    """
    found = transmit * slope + (1 - slope)
    return np.where(found > 0, found, np.nan)


def mirrored(volume: Volume) -> NDArray[np.float64]:
    """Return the values at the mirror image of each voxel about x = 0, linear between voxels.

    Parameters
    ----------
    volume : Volume
        In a left-right symmetric space, axes along the world's; NaN where not measured.
    """
    affine = np.asarray(volume.affine, np.float64)
    n = volume.data.shape[0]
    x = affine[0, 0] * np.arange(n) + affine[0, 3]
    at = (-x - affine[0, 3]) / affine[0, 0]
    below = np.floor(at + 1e-6).astype(int)
    share = np.clip(at - below, 0.0, 1.0)
    inside = (below >= 0) & (below < n)
    low = np.clip(below, 0, n - 1)
    high = np.clip(below + (share > 1e-6), 0, n - 1)
    data = np.asarray(volume.data, np.float64)
    shape = (n, *([1] * (data.ndim - 1)))
    weight = share.reshape(shape)
    found = data[low] * (1 - weight) + np.where(weight > 1e-6, data[high], 0.0) * weight
    return np.where(inside.reshape(shape), found, np.nan)


@dataclass(frozen=True)
class Asymmetry:
    """One person's ratio and transmit field at pairs of mirrored voxels.

    Parameters
    ----------
    difference : ndarray, shape (pair,)
        Log ratio, right minus left; NaN where one of them was not measured.
    field, across : ndarray, shape (pair,)
        Transmit field at the right and at the left voxel.
    """

    difference: Floats
    field: Floats
    across: Floats


def asymmetry(ratio: Volume, transmit: Volume, where: NDArray[np.bool_]) -> Asymmetry:
    """Compare right and left at pairs of voxels, at most 20,000, the same for everybody.

    Parameters
    ----------
    ratio, transmit : Volume
        On one grid of a symmetric space; NaN where not measured.
    where : ndarray of bool
        Tissue to compare.
    """
    x = np.asarray(ratio.affine)[0, 0] * np.arange(ratio.data.shape[0]) + ratio.affine[0, 3]
    right = np.flatnonzero(where & (x > 0).reshape(-1, *([1] * (where.ndim - 1))))
    at = right[:: max(1, -(-len(right) // MOST_PAIRS))]
    own, other, field, across = (
        np.asarray(values, np.float64).ravel()[at]
        for values in (ratio.data, mirrored(ratio), transmit.data, mirrored(transmit))
    )
    known = np.isfinite(own * other * field * across) & (own > 0) & (other > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.where(known, np.log(own / other), np.nan)
    return Asymmetry(difference, field, across)


def fit_slope(people: Sequence[Asymmetry]) -> FittedSlope:
    """Return the slope whose correction leaves people most alike in their asymmetry.

    Parameters
    ----------
    people : sequence of Asymmetry
        Of one group of pairs.

    Raises
    ------
    UserError
        Fewer than 5 people, fewer than 500 pairs that all of them have, or fields that do not
        differ between people from side to side.

    Notes
    -----
    Glasser et al. 2022 choose the slope by the symmetry of a group's average. Brains are not
    symmetric: what is alike in everybody is taken for anatomy here, and the slope is fitted to how
    people differ in the asymmetry of ratio and field. Its standard error is the
    jackknife's over people, in one step.
    """
    difference = np.stack([own.difference for own in people]) if people else np.empty((0, 0))
    known = np.isfinite(difference).all(axis=0)
    if len(people) < LEAST_PEOPLE or known.sum() < LEAST_PAIRS:
        raise UserError(
            f"transmit.slope=fitted: {len(people)} people have {int(known.sum())} pairs of voxels "
            f"in common; {LEAST_PEOPLE} people and {LEAST_PAIRS} pairs are needed. Check the "
            "transmit maps, or state a slope."
        )
    seen = _centred(difference[:, known])
    field = np.stack([own.field[known] for own in people])
    across = np.stack([own.across[known] for own in people])
    spread = float(np.sqrt(np.mean(_centred(_effect(field, across, 1.0)) ** 2)))
    if spread < LEAST_SPREAD:
        raise UserError(
            f"transmit.slope=fitted: people's transmit maps differ from side to side by "
            f"{100 * spread:.2g} %, less than {100 * LEAST_SPREAD:g} %, so that no slope can be "
            "told; state one."
        )
    left = [float(((seen - _centred(_effect(field, across, s))) ** 2).sum()) for s in SLOPES]
    slope, least = _lowest(np.array(left))
    step = 1e-3
    change = _centred(_effect(field, across, slope + step) - _effect(field, across, slope)) / step
    residual = seen - _centred(_effect(field, across, slope))
    own = (change**2).sum(axis=1)
    total = max(float(own.sum()), TINY)
    scores = (change * residual).sum(axis=1) / np.maximum(1 - own / total, TINY)
    se = np.sqrt((scores**2).sum()) / total
    before, after = (float(np.sqrt(max(value, 0.0) / seen.size)) for value in (left[0], least))
    return FittedSlope(slope, float(se), before, after)


def _centred(rows: Floats) -> Floats:
    return np.asarray(rows - rows.mean(axis=0))


def _effect(field: Floats, across: Floats, slope: float) -> Floats:
    """Return the log of what the field does to the right less that to the left."""
    low = 1e-3
    own, other = (np.maximum(values * slope + 1 - slope, low) for values in (field, across))
    return np.asarray(np.log(own) - np.log(other))


def _lowest(total: Floats) -> tuple[float, float]:
    """Return where a curve over `SLOPES` is lowest, by the parabola through three points."""
    k = int(np.argmin(total))
    if k in (0, len(SLOPES) - 1):
        return float(SLOPES[k]), float(total[k])
    low, here, high = total[k - 1 : k + 2]
    step = 0.5 * (low - high) / (low - 2 * here + high)
    slope = SLOPES[k] + step * (SLOPES[1] - SLOPES[0])
    return float(slope), float(here - 0.25 * (low - high) * step)
