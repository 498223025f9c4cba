"""The trend over ordered groups, and the test that every neighbouring pair differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError

Float = NDArray[np.float64]
Direction = Literal["rising", "falling", "either"]
SIGNS: dict[str, Literal["positive", "negative"]] = {"rising": "positive", "falling": "negative"}


def directions_of(direction: Direction) -> tuple[str, ...]:
    """Return the directions asked for, one or both."""
    return tuple(SIGNS) if direction == "either" else (direction,)


def trend_weights(scores: Sequence[float]) -> Float:
    """Return the weights of group means for their linear trend.

    Parameters
    ----------
    scores : sequence of float
        The place of each group, increasing.

    Returns
    -------
    ndarray, shape (group,)
        Weights that sum to 0. The weighted sum is the least-squares slope of the means on the
        scores, times the distance from the first score to the last.

    Raises
    ------
    UserError
        The scores do not increase.

    Notes
    -----
    Linear contrast of an analysis of variance (Scheffe 1959, The Analysis of Variance); -1, 0, 1
    for three groups evenly spaced.
    """
    places = np.asarray(scores, np.float64)
    if not (np.diff(places) > 0).all():
        raise UserError(f"ordered: scores {list(scores)} do not increase along the groups.")
    centred = places - places.mean()
    return np.asarray(centred / (centred @ centred) * (places[-1] - places[0]))


def neighbour_weights(groups: int, columns: int) -> list[Float]:
    """Return the contrast of each neighbouring pair, later minus earlier, shape (column,) each.

    Parameters
    ----------
    groups : int
        Number of groups, whose columns come first.
    columns : int
        Of the design.
    """
    steps = np.eye(groups, columns, 1) - np.eye(groups, columns)
    return list(steps[: groups - 1])


def smallest(t: Float, direction: Direction) -> Float:
    """Return the smallest of the neighbours' t in a direction.

    Parameters
    ----------
    t : ndarray, shape (neighbour, ...)
        Of equal degrees of freedom, positive where the mean rises; NaN where not tested.
    direction : {"rising", "falling", "either"}

    Returns
    -------
    ndarray, shape (...)
        For rising the least t, for falling the least of -t with its sign turned back, so that
        it is negative where all fall; for either whichever has all of its sign, and 0 where signs
        differ. NaN where any is.
    """
    low, high = t.min(axis=0), t.max(axis=0)
    if direction != "either":
        return np.asarray(low if direction == "rising" else high)
    alike = np.where(low > 0, low, np.where(high < 0, high, 0.0))
    return np.where(np.isnan(low), np.nan, alike)


def together(t: Float, direction: Direction) -> NDArray[np.bool_]:
    """Return where all neighbours differ in one of the directions; parameters as `smallest`."""
    rising, falling = (t > 0).all(axis=0), (t < 0).all(axis=0)
    return np.asarray({"rising": rising, "falling": falling}.get(direction, rising | falling))


def largest_p(p: Float, t: Float, direction: Direction) -> Float:
    """Return the p of the test that all neighbours differ in one direction.

    Parameters
    ----------
    p : ndarray, shape (neighbour, ...)
        Two-sided, in [0, 1], of each voxel alone or family-wise.
    t, direction
        As in `smallest`.

    Returns
    -------
    ndarray, shape (...)
        The largest p where all t have one sign, that of the direction; else 1. NaN where any is.

    Notes
    -----
    Intersection-union test (Berger 1982, Technometrics 24:295). Its null is that some pair does
    not differ, or in the other direction: it has level alpha at a voxel where each p has. Of
    family-wise p, alpha is the level over all voxels that are null for one and the same pair; for
    voxels that are null for different pairs the bound is the number of those pairs times alpha.
    """
    known = ~(np.isnan(p) | np.isnan(t)).any(axis=0)
    return np.where(known, np.where(together(t, direction), p.max(axis=0), 1.0), np.nan)
