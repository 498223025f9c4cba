"""A whole template head built round the ICBM152 brain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_fill_holes, gaussian_filter

from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.simulate import anatomy, intensities

_BOX_MM = np.array([[-106.0, 106.0], [-142.0, 112.0], [-108.0, 112.0]])
_PARTIAL_VOLUME_SIGMA = 0.6


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A head in template space, free of noise and bias field.

    Parameters
    ----------
    grid : Grid
        The ICBM152 2009a grid (1 mm, RAS), padded so that the whole head fits.
    t1w, t2w : ndarray of float32, shape (x, y, z)
        Intensities; white matter is near `intensities.WHITE_T1W` and `WHITE_T2W`, air 0.
    brain : ndarray of bool
        The template's brain mask.
    grey, white, csf, bone, soft : ndarray of float16
        Tissue fractions, 0 to 1; the remainder to 1 is air. Eyes and cord count as soft tissue.
    """

    grid: Grid
    t1w: NDArray[np.float32]
    t2w: NDArray[np.float32]
    brain: NDArray[np.bool_]
    grey: NDArray[np.float16]
    white: NDArray[np.float16]
    csf: NDArray[np.float16]
    bone: NDArray[np.float16]
    soft: NDArray[np.float16]

    @property
    def tissue(self) -> NDArray[np.float16]:
        """Fraction of brain tissue (grey and white) in each voxel."""
        return np.asarray(np.minimum(self.grey + self.white, np.float16(1)))


def build_head(t1: Volume, grey: Volume, white: Volume) -> HeadModel:
    """Build CSF, skull, scalp, face, eyes and neck round the ICBM152 2009a symmetric brain.

    Parameters
    ----------
    t1 : Volume
        T1w of the brain without its skull, 0 to 255, 1 mm, RAS (nilearn's copy).
    grey, white : Volume
        Tissue maps on the same grid, 0 to 255 or 0 to 1.

    Returns
    -------
    HeadModel

    Raises
    ------
    ValueError
        When the three volumes do not share one axis-aligned 1 mm grid.

    Notes
    -----
    The brain's T1w is the template's own. Everything else is ours: geometry from distances to
    the brain, intensities from tables measured on template heads (`intensities`).
    """
    _check_grids(t1, grey, white)
    grid, inside = _padded_grid(t1.grid)
    brain = _embed(binary_fill_holes(binary_closing(t1.data > 0, iterations=2)), grid, inside)
    brain_t1 = _embed(t1.data.astype(np.float32), grid, inside)
    parts = anatomy.label_head(brain, grid)
    t1w, t2w = intensities.paint(brain_t1, parts, grid)
    blur = {"sigma": _PARTIAL_VOLUME_SIGMA, "truncate": 3.0}
    fractions = _fractions(
        parts, _embed(_unit(grey), grid, inside), _embed(_unit(white), grid, inside), blur
    )
    return HeadModel(
        grid=grid,
        t1w=gaussian_filter(t1w, **blur),
        t2w=gaussian_filter(t2w, **blur),
        brain=brain,
        **fractions,
    )


def _check_grids(t1: Volume, *others: Volume) -> None:
    step = np.asarray(t1.affine)[:3, :3]
    if not np.allclose(step, np.eye(3)):
        raise ValueError(f"the template must have 1 mm RAS voxels, got {step.tolist()}")
    for other in others:
        if not other.grid.same_as(t1.grid):
            raise ValueError("the template's T1w, grey and white maps must share one grid")


def _padded_grid(template: Grid) -> tuple[Grid, tuple[slice, ...]]:
    """Return the padded grid and the position of the template's voxels in it."""
    origin = np.asarray(template.affine, dtype=np.float64)[:3, 3]
    before = np.ceil(np.maximum(origin - _BOX_MM[:, 0], 0)).astype(int)
    shape = np.ceil(np.maximum(_BOX_MM[:, 1] - origin + 1 + before, before + template.shape))
    affine = np.eye(4)
    affine[:3, 3] = origin - before
    # An even shape lets the 2 mm distance maps cover the grid exactly.
    x, y, z = (int(n + n % 2) for n in shape)
    inside = tuple(slice(b, b + n) for b, n in zip(before, template.shape, strict=True))
    return Grid((x, y, z), affine), inside


def _embed(data: NDArray[Any], grid: Grid, inside: tuple[slice, ...]) -> NDArray[Any]:
    padded = np.zeros(grid.shape, dtype=data.dtype)
    padded[inside] = data
    return padded


def _unit(volume: Volume) -> NDArray[np.float32]:
    data = volume.data.astype(np.float32)
    return data / np.float32(255) if data.max() > 1 else data


def _fractions(
    parts: anatomy.HeadParts,
    grey: NDArray[np.float32],
    white: NDArray[np.float32],
    blur: dict[str, float],
) -> dict[str, NDArray[np.float16]]:
    def softened(mask: NDArray[np.bool_]) -> NDArray[np.float16]:
        return np.asarray(gaussian_filter(mask.astype(np.float32), **blur), dtype=np.float16)

    fluid = np.where(parts.brain, np.clip(1 - grey - white, 0, 1), softened(parts.outer_csf))
    return {
        "grey": np.where(parts.brain, grey, 0).astype(np.float16),
        "white": np.where(parts.brain, white, 0).astype(np.float16),
        "csf": fluid.astype(np.float16),
        "bone": softened(parts.bone),
        "soft": softened(parts.soft | parts.eyes | parts.cord),
    }
