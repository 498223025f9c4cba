"""Which voxels have enough participants for a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.design import Design

MIN_GROUP_N = 5
MIN_GROUP_SHARE = 0.7


@dataclass(frozen=True)
class Presence:
    """Presence of participants at each voxel.

    Parameters
    ----------
    present : ndarray of bool, shape (participant, voxel)
        Finite values.
    whole : ndarray of bool, shape (voxel,)
        No participant is missing.
    partial : ndarray of bool, shape (voxel,)
        Participants are missing, but each group has enough.
    """

    present: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    partial: NDArray[np.bool_]


def presence(
    values: NDArray[Any],
    design: Design,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
) -> Presence:
    """Classify voxels; shape of values (participant, voxel), NaN where not measured.

    Each group needs ``min_group_n`` participants and the fraction ``min_group_share``; all of them
    where it has fewer than ``min_group_n``.
    """
    present = np.isfinite(values)
    whole = present.all(axis=0)
    enough = np.ones_like(whole)
    for name in design.groups:
        member = design.group == name
        least = least_people(int(member.sum()), min_group_n, min_group_share)
        enough &= present[member].sum(axis=0) >= least
    return Presence(present, whole, enough & ~whole)


def least_people(
    size: int, min_group_n: int = MIN_GROUP_N, min_group_share: float = MIN_GROUP_SHARE
) -> int:
    """Return how many people of a group a voxel needs; see `presence`."""
    return min(size, max(min_group_n, int(np.ceil(min_group_share * size - 1e-9))))
