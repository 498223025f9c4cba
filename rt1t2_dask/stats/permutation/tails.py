"""Largest statistic of each permutation, in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Tails:
    """Largest value of each permutation, positive and negative (as a positive number).

    Parameters
    ----------
    positive, negative : ndarray, shape (permutation,)
        At least 0; ``negative`` is 0 for an F.
    """

    positive: Float
    negative: Float

    @property
    def both(self) -> Float:
        """Largest absolute value."""
        return np.maximum(self.positive, self.negative)


def merge_blocks(tails: Sequence[Tails]) -> Tails:
    """Merge tails over blocks of the same permutations."""
    return Tails(
        np.maximum.reduce([t.positive for t in tails]),
        np.maximum.reduce([t.negative for t in tails]),
    )


def merge_batches(tails: Sequence[Tails]) -> Tails:
    """Concatenate tails of several batches, in order."""
    return Tails(
        np.concatenate([t.positive for t in tails]), np.concatenate([t.negative for t in tails])
    )
