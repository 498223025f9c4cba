"""SIMULATED: what a scanner makes of a clean head: contrast, fields, field of view and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from heads import label_tissues as tissue
from scipy import ndimage

from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import compose, inverse, translation
from rt1t2_dask.images.volume import Affine, Array, Grid, Volume
from rt1t2_dask.simulate.lattice import random_field

Size = float | tuple[float, float, float]
Pair = tuple[float, float]

_BIAS_MM = 90.0
_FWHM_TO_SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))


@dataclass(frozen=True)
class Scanner:
    """What a scanner does to a clean image; each pair is (T1w, T2w).

    Parameters
    ----------
    gain : pair of float
        Multiplies the image.
    gamma : pair of float
        Exponent of intensity relative to white matter: another contrast of the same tissue.
    offset : pair of float
        Added to the head's tissue (not to air), as a share of white matter.
    noise : pair of float
        Rician, standard deviation as a share of white matter.
    common_field, own_field : float
        Log-sd of the multiplicative field both images share, and of the one each has alone.
    """

    gain: Pair = (1.0, 1.0)
    gamma: Pair = (1.0, 1.0)
    offset: Pair = (0.0, 0.0)
    noise: Pair = (0.025, 0.025)
    common_field: float = 0.12
    own_field: float = 0.08


def slab(image: Volume, low: float, high: float, axis: int = 2) -> Volume:
    """Keep a share of the field of view along an axis: from `low` to `high`, in [0, 1]."""
    count = image.data.shape[axis]
    first, last = round(low * count), round(high * count)
    shift = np.zeros(3)
    shift[axis] = first
    cut = np.take(image.data, np.arange(first, last), axis=axis)
    return Volume(np.ascontiguousarray(cut), image.affine @ translation(shift))


def fields(grid: Grid, scanner: Scanner, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw the fields of T1w and T2w: one both share, and one of each's own."""
    draws = [random_field(rng, grid, spacing_mm=_BIAS_MM, sd=1.0) for _ in range(3)]
    common, t1w, t2w = (draw.on_grid(grid)[0].astype(np.float32) for draw in draws)
    common *= np.float32(scanner.common_field)
    own = np.float32(scanner.own_field)
    return np.exp(common + own * t1w), np.exp(common + own * t2w)


def contrast(image: Array, scanner: Scanner, k: int) -> Array:
    """Give a clean T1w (k = 0) or T2w (k = 1) the scanner's gamma, offset and gain."""
    white = (tissue.WHITE_T1W, tissue.WHITE_T2W)[k]
    relative = np.clip(image / np.float32(white), 0, None)
    seen = relative ** np.float32(scanner.gamma[k])
    in_head = np.clip(relative / 0.05, 0, 1)  # no edge where the head ends
    seen += in_head * np.float32(scanner.offset[k])
    return np.asarray(np.clip(seen, 0, None) * np.float32(scanner.gain[k] * white))


def scanned(
    image: Volume,
    voxel_mm: tuple[float, float, float],
    pose: Affine,
    rigid: Affine,
    scanner: Scanner,
    k: int,
    rng: np.random.Generator,
) -> Volume:
    """Sample on the scan's own grid with its slice profile, then add Rician noise."""
    grid = _field_of_view(image.grid, voxel_mm)
    scan_grid = Grid(grid.shape, compose(grid.affine, pose))
    profile = np.sqrt(np.clip(np.array(voxel_mm) ** 2 - 1.0, 0, None)) * _FWHM_TO_SIGMA
    if profile.any():
        image = image.with_data(ndimage.gaussian_filter(image.data, profile, mode="nearest"))
    still = np.array_equal(rigid, np.eye(4)) and voxel_mm == (1.0, 1.0, 1.0)
    to_label = compose(inverse(rigid), inverse(pose))
    data = image.data if still else to_grid(image, scan_grid, rigid=to_label, order=1).data
    white = (tissue.WHITE_T1W, tissue.WHITE_T2W)[k]
    sd = np.float32(scanner.noise[k] * scanner.gain[k] * white)
    real: Array = data + sd * rng.standard_normal(data.shape, dtype=np.float32)
    seen: Array = np.hypot(real, sd * rng.standard_normal(data.shape, dtype=np.float32))
    return Volume(seen.astype(np.float32), scan_grid.affine)


def _field_of_view(grid: Grid, voxel_mm: tuple[float, float, float]) -> Grid:
    """Cover the label grid with other voxels, from the same outer face."""
    size = np.array(voxel_mm)
    shape = np.maximum(np.floor(np.array(grid.shape) / size + 1e-9).astype(int), 1)
    affine = np.diag([*size, 1.0])
    affine[:3, 3] = grid.affine[:3, 3] + (size - 1.0) / 2.0
    x, y, z = (int(n) for n in shape)
    return Grid((x, y, z), affine)


def triple(size: Size) -> tuple[float, float, float]:
    """Give three voxel sizes where one serves all axes."""
    return (size, size, size) if isinstance(size, int | float) else size
