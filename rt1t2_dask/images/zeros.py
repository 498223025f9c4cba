"""Zeros of a map that stand for "not measured"."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

# A value that happens to be exactly 0 stands alone; what was masked out lies in blocks.
LARGEST_STRAY = 8


def background(data: NDArray[Any], brain: Mask) -> Mask:
    """Find the zeros that were not measured.

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
    brain : ndarray of bool
        Brain of the template on the same grid.

    Returns
    -------
    ndarray of bool
        True at exact zeros outside of the brain, and at those inside that hang together by their
        faces in blocks of more than 8 voxels, with zeros outside where they touch them.
    """
    zero = np.asarray(data) == 0
    blocks, count = ndimage.label(zero)
    sizes = np.bincount(blocks.ravel(), minlength=count + 1)
    return np.asarray(zero & (~brain | (sizes > LARGEST_STRAY)[blocks]))
