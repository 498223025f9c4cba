"""Groups of people that are read together, and shares of the voxels that are read together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import Any, TypeVar

from rt1t2_dask.pipelines.engine.task import Parents
from rt1t2_dask.storage.parts import Part

MOST_TOGETHER = 240
"""People whose maps one block reads: of more, an inner chunk is decoded several times.

Set in trials of 29 to 50,000 people at 2 mm: 8 times at 300 people, 356 times at 50,000.
"""
BLOCK_BYTES = 32 * 2**20
COPIED_BYTES = 2**28
"""Of one part of a copy by voxel."""
FACTORS = {"row": "factors", "partner": "partner_factors"}
COPY_PAYS_BYTES = 1.4e9
"""Maps that no worker of 4 GB keeps between passes.

Measured on 240 to 3,840 maps of noise at 2 mm: a copy costs 46 ms a map, a pass over shards 30 ms
up to 1,000 people, 59 at 1,920 and 93 at 3,840, one over the copy 3 to 6.
"""
T = TypeVar("T")


def runs_of(n: int) -> list[slice]:
    """Return runs of rows, as even as possible, none above `MOST_TOGETHER`."""
    count = max(1, ceil(n / MOST_TOGETHER))
    edges = [n * k // count for k in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


def in_blocks(n: int, variance: str) -> bool:
    """Whether blocks of voxels read everybody; else runs of people read every voxel.

    Pooling the covariance of all rows needs everybody, however many they are.
    """
    return n <= MOST_TOGETHER or variance == "spm_unequal"


def block_count(n: int, voxels: float) -> int:
    """Return into how many blocks the voxels of ``n`` maps are divided.

    Whatever the number of workers, so that keys stay.
    """
    return max(1, ceil(4 * n * voxels / BLOCK_BYTES))


def copy_pays(n: int, voxels: float) -> bool:
    """Whether ``n`` maps that are read twice and more are copied by voxel first."""
    return 4 * n * voxels > COPY_PAYS_BYTES


def even_share(values: Sequence[T], sizes: Sequence[int], share: int, shares: int) -> list[T]:
    """Return those whose middle lies in one of several even shares of the sum of sizes."""
    total, before, found = sum(sizes), 0, []
    for value, size in zip(values, sizes, strict=True):
        if shares * (2 * before + size) // max(1, 2 * total) == share:
            found.append(value)
        before += size
    return found


def parents_of_run(parents: Parents, run: slice) -> dict[str, Part | tuple[Part, ...]]:
    """Return the parents with the rows, and their partners, of one run."""
    return {
        role: own[run] if role in FACTORS and isinstance(own, tuple) else own
        for role, own in parents.items()
    }


def settings_of(settings: Mapping[str, Any], people: Sequence[int]) -> dict[str, Any]:
    """Return scale settings with the factors of some people, in the order given."""
    return {
        name: [own[k] for k in people] if own and name in FACTORS.values() else own
        for name, own in settings.items()
    }
