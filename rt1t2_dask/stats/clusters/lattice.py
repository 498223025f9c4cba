"""A mask as a flat, padded grid, where each neighbour is at a constant offset."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Connectivity = Literal[6, 18, 26]


@dataclass(frozen=True)
class Lattice:
    """Voxels of a mask in a padded, cropped, flattened grid.

    Parameters
    ----------
    size : int
        Cells of the padded grid.
    cells : ndarray of int32, shape (voxel,)
        Cell of each voxel of the mask, in the mask's order.
    steps : ndarray of int32, shape (neighbour,)
        Offset in cells to each neighbour.
    """

    size: int
    cells: NDArray[np.int32]
    steps: NDArray[np.int32]


def lattice(mask: NDArray[np.bool_], connectivity: Connectivity = 18) -> Lattice:
    """Describe a mask, shape (x, y, z), with 6, 18 or 26 neighbours a voxel."""
    where = np.argwhere(mask)
    low = where.min(axis=0)
    shape = where.max(axis=0) - low + 3
    stride = np.array([shape[1] * shape[2], shape[2], 1])
    reach = {6: 1, 18: 2, 26: 3}[connectivity]
    steps = [
        int(np.array(s) @ stride)
        for s in product((-1, 0, 1), repeat=3)
        if 0 < np.abs(s).sum() <= reach
    ]
    cells = (where - low + 1) @ stride
    return Lattice(int(np.prod(shape)), cells.astype(np.int32), np.array(steps, np.int32))
