"""Intensities of the simulated tissues in T1w and T2w."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.anatomy import HeadParts
from rt1t2_dask.simulate.lattice import random_field

Image = NDArray[np.float32]

WHITE_T1W = 223.0  # median of the ICBM152 2009a T1w where the white matter map exceeds 0.95
WHITE_T2W = 100.0

# T2w of brain tissue against its T1w, both relative to white matter: CSF, grey and white matter
# are the knots, so that mixtures of neighbours are interpolated linearly.
_BRAIN_T1W = (0.15, 0.31, 0.74, 1.00, 1.08)
_BRAIN_T2W = (3.30, 3.00, 1.30, 1.00, 0.95)

# The same knots as intensities of the two contrasts.
WHITE = {"t1w": WHITE_T1W, "t2w": WHITE_T2W}
GREY = {"t1w": _BRAIN_T1W[2] * WHITE_T1W, "t2w": _BRAIN_T2W[2] * WHITE_T2W}
FLUID = {"t1w": _BRAIN_T1W[1] * WHITE_T1W, "t2w": _BRAIN_T2W[1] * WHITE_T2W}

# Spread of bone and soft tissue relative to white matter, as cumulative quantiles measured on
# MNI152_T1_2mm and MNI152_T2_2mm (FSL) with the calibration's own classes.
_RANKS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_BONE_T1W = (0.06, 0.11, 0.14, 0.20, 0.26, 0.33, 0.42)
_BONE_T2W = (0.17, 0.24, 0.35, 0.51, 0.67, 0.82, 1.00)
_SOFT_T1W = (0.58, 0.64, 0.70, 0.78, 0.88, 0.96, 1.06)
_SOFT_T2W = (0.50, 0.66, 0.80, 0.96, 1.12, 1.24, 1.34)
_FLUID = (0.33, 2.9)
_CORD = (0.90, 1.1)

_SEED = 20250423
_TEXTURE_MM = 7.0
_FAT_MM = 3.0
_FAT_SHARE = 0.35


def paint(brain_t1: Image, parts: HeadParts, grid: Grid) -> tuple[Image, Image]:
    """Return sharp T1w and T2w images of the labelled head; air is 0.

    Parameters
    ----------
    brain_t1 : ndarray, shape (x, y, z)
        The template's T1w inside the brain.
    parts : HeadParts
        Masks on the same grid.
    grid : Grid
        The padded 1 mm grid.
    """
    relative = np.where(parts.brain, brain_t1 / np.float32(WHITE_T1W), 0).astype(np.float32)
    t1w = relative
    t2w = np.where(parts.brain, np.interp(relative, _BRAIN_T1W, _BRAIN_T2W), 0).astype(np.float32)
    for mask, (t1_value, t2_value) in ((parts.outer_csf | parts.eyes, _FLUID), (parts.cord, _CORD)):
        t1w[mask], t2w[mask] = t1_value, t2_value
    rng = np.random.default_rng(_SEED)
    texture = ndtr(random_field(rng, grid, spacing_mm=_TEXTURE_MM, sd=1.0).on_grid(grid)[0])
    fat = np.clip(1 - parts.depth_mm / _FAT_MM, 0, 1)
    _fill(t1w, t2w, parts.bone, texture, _BONE_T1W, _BONE_T2W)
    _fill(t1w, t2w, parts.soft, texture + (1 - texture) * _FAT_SHARE * fat, _SOFT_T1W, _SOFT_T2W)
    return t1w * np.float32(WHITE_T1W), t2w * np.float32(WHITE_T2W)


def _fill(
    t1w: Image,
    t2w: Image,
    mask: NDArray[np.bool_],
    rank: NDArray[np.float64],
    t1_quantiles: tuple[float, ...],
    t2_quantiles: tuple[float, ...],
) -> None:
    t1w[mask] = np.interp(rank[mask], _RANKS, t1_quantiles)
    t2w[mask] = np.interp(rank[mask], _RANKS, t2_quantiles)
