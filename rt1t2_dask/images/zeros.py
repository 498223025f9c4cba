"""Zeros of a map that stand for "not measured"."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

# A measured value of exactly 0 is isolated; masked voxels form blocks.
LARGEST_STRAY = 8


def background(data: NDArray[Any], brain: Mask) -> Mask:
    """Find zeros that mean "not measured".

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
    brain : ndarray of bool
        Brain of the template on the same grid.

    Returns
    -------
    ndarray of bool
        True at exact zeros outside the brain, and at zeros inside in face-connected blocks of more
        than 8 voxels, including the zeros outside that they touch.
    """
    zero = np.asarray(data) == 0
    blocks, count = ndimage.label(zero)
    sizes = np.bincount(blocks.ravel(), minlength=count + 1)
    return np.asarray(zero & (~brain | (sizes > LARGEST_STRAY)[blocks]))
