"""What a part takes, from the sizes of what it reads: memory, CPU time, bytes written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FLOAT_BYTES = 4
IDLE_BYTES = 800e6
"""A worker with its libraries, the images it shares between people and what earlier parts left."""
GRIDS_MM = (4.0, 2.0, 1.0)
"""The grids on which CPU time was measured."""


@dataclass(frozen=True)
class Shapes:
    """Sizes that decide what a part takes.

    Parameters
    ----------
    voxels, voxel_mm : mapping of str to float
        Number of voxels, and their size in mm, by kind of grid.
    people, columns : int
        Rows and columns of a design.
    options : mapping
        Choices that change what is needed, such as how variance is modelled.
    """

    voxels: Mapping[str, float]
    voxel_mm: Mapping[str, float] = field(default_factory=dict)
    people: int = 0
    columns: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    def volumes(self, wanted: Mapping[str, float]) -> float:
        """Return the bytes of so many float32 volumes of each kind of grid."""
        return FLOAT_BYTES * sum(n * self.voxels.get(kind, 0.0) for kind, n in wanted.items())


Memory = Callable[[Shapes], float]
"""Returns the peak of a worker that makes a part, in bytes."""


@dataclass(frozen=True)
class Need:
    """Memory above that of an idle worker: megabytes, and float32 volumes of each kind of grid."""

    megabytes: float
    volumes: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, shapes: Shapes) -> float:
        """Return the peak in bytes."""
        return IDLE_BYTES + 1e6 * self.megabytes + shapes.volumes(self.volumes)


@dataclass(frozen=True)
class Whole:
    """Memory of a worker that makes a part of any size, in gigabytes."""

    gigabytes: float

    def __call__(self, shapes: Shapes) -> float:
        """Return the peak in bytes."""
        return 1e9 * self.gigabytes


@dataclass(frozen=True)
class Effort:
    """CPU seconds of one part on one core.

    Parameters
    ----------
    seconds : tuple of float
        At `GRIDS_MM`; one number where no grid matters.
    grid : str
        The kind of grid whose voxel size counts.
    """

    seconds: tuple[float, ...]
    grid: str = ""

    def __call__(self, shapes: Shapes) -> float:
        """Interpolate in log time over log voxel size; the ends hold outside."""
        if not self.grid:
            return self.seconds[0]
        at = -np.log(shapes.voxel_mm[self.grid])
        return float(np.exp(np.interp(at, -np.log(GRIDS_MM), np.log(self.seconds))))
