"""A person's own head outside the brain: fluid, skull with marrow, muscle, fat and skin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.lattice import random_field

Image = NDArray[np.float32]

CONTRASTS = ("t1w", "t2w")
# Intensities relative to white matter, T1w and T2w: between those of four real pairs (open_ms
# patients 01, 04, 12 and tcga_lgg; medians of the landmark classes: soft tissue 1.3 to 2.1 and
# 0.8 to 1.8, muscle 0.7 to 1.0 and 0.3 to 0.6, bone 0.1 and 0.1 to 0.2).
_TYPICAL: Mapping[str, tuple[float, float]] = {
    "fluid": (0.33, 2.9),
    "table": (0.08, 0.12),
    "marrow": (1.0, 0.7),
    "muscle": (0.75, 0.42),
    "fat": (1.6, 1.3),
    "skin": (0.7, 0.5),
}
# Log-normal spread between people of each contrast. Fat: so that log(T1w/T2w) of scalp differs
# by 0.1 to 0.35 between people, and that of fluid by 0.01 to 0.07 (METHODS 2b, eight sessions).
# Muscle: log(T1w/T2w) differs by 0.03 among three people of one protocol (open_ms); twice that.
_SPREAD: Mapping[str, tuple[float, float]] = {
    "fluid": (0.02, 0.03),
    "table": (0.1, 0.1),
    "marrow": (0.2, 0.15),
    "muscle": (0.04, 0.05),
    "fat": (0.15, 0.22),
    "skin": (0.1, 0.1),
}
# Thicknesses in mm: mean, standard deviation between people, and over one head.
_CSF_MM, _LEAST_CSF_MM = (1.5, 0.4), 0.7
_BONE_MM, _LEAST_BONE_MM = (6.5, 0.8, 0.6), 3.0
_MUSCLE_MM, _LEAST_MUSCLE_MM = (7.0, 1.2), 2.0
_SKIN_MM, _GALEA_MM = 1.5, 1.0
# Fat differs by factors: median in mm, spread of its logarithm between people and over one head.
_FAT_MM = (3.0, 0.45, 0.25)
_MOST_FAT_MM = 8.0
_SHELL_SPACING_MM, _TEXTURE_SPACING_MM = 30.0, 7.0
# Fraction of the skull's thickness in each of its two tables.
_TABLE_SHARE = 0.3
_BASE_Z_MM, _BASE_FADE_MM = -70.0, 25.0
_DARK_SHARE = 3.0


@dataclass(frozen=True)
class Shells:
    """One person's head outside the brain.

    Parameters
    ----------
    bone_mm, fat_mm : ndarray of float32, shape (x, y, z)
        Thickness of skull and subcutaneous fat on the T1w's grid, mm.
    texture : ndarray of float32, shape (x, y, z)
        Standard normal, 7 mm coarse: how muscle and fat mix in face and neck.
    csf_mm, muscle_mm : float
        Thickness of the fluid under the skull, and of the temporal muscle where it is thickest.
    values : dict of str to (float, float)
        T1w and T2w intensity of each tissue, relative to white matter.
    """

    bone_mm: Image
    fat_mm: Image
    texture: Image
    csf_mm: float
    muscle_mm: float
    values: Mapping[str, tuple[float, float]]


def draw_shells(rng: np.random.Generator, grid: Grid) -> Shells:
    """Draw one person's shells on an axis-aligned grid."""
    factor = {name: np.exp(rng.normal(0, spread)) for name, spread in _SPREAD.items()}
    values = {
        name: (float(t1w * factor[name][0]), float(t2w * factor[name][1]))
        for name, (t1w, t2w) in _TYPICAL.items()
    }
    mean, between, within = _BONE_MM
    bone = rng.normal(mean, between) + _field(rng, grid, _SHELL_SPACING_MM, within)
    median, between, within = _FAT_MM
    fat = rng.normal(np.log(median), between) + _field(rng, grid, _SHELL_SPACING_MM, within)
    return Shells(
        bone_mm=np.maximum(bone, _LEAST_BONE_MM).astype(np.float32),
        fat_mm=np.minimum(np.exp(fat), _MOST_FAT_MM).astype(np.float32),
        texture=_field(rng, grid, _TEXTURE_SPACING_MM, 1.0),
        csf_mm=max(rng.normal(*_CSF_MM), _LEAST_CSF_MM),
        muscle_mm=max(rng.normal(*_MUSCLE_MM), _LEAST_MUSCLE_MM),
        values=values,
    )


def paint_shells(
    shells: Shells, distances: Mapping[str, Image], z_mm: Image, contrast: str, voxel_mm: float
) -> Image:
    """Paint everything outside the brain, relative to white matter.

    Parameters
    ----------
    shells : Shells
        Its fields where the distances are.
    distances : mapping of str to ndarray, shape (x, y, z)
        `anatomy.Surfaces` at each voxel.
    z_mm : ndarray, shape (x, y, z)
        Height in the template, mm.
    contrast : {"t1w", "t2w"}
    voxel_mm : float
        Over which surfaces blur (partial volume).

    Returns
    -------
    ndarray, shape (x, y, z)
        0 in air. Values in the brain are undefined.
    """
    width = np.float32(max(voxel_mm, 1))
    value = {name: np.float32(v[CONTRASTS.index(contrast)]) for name, v in shells.values.items()}
    hull = distances["hull"]
    bone_end = shells.csf_mm + shells.bone_mm
    kept = np.clip((z_mm - _BASE_Z_MM) / _BASE_FADE_MM, 0, 1)
    deep_mm = _GALEA_MM + shells.muscle_mm * distances["muscle"]
    scalp_mm = kept * (_SKIN_MM + shells.fat_mm + deep_mm)
    outside = np.minimum(hull - bone_end - scalp_mm, distances["face"])
    image = _skull(shells, hull, value, width)
    soft = _soft(shells, outside, value, width)
    image += _beyond(hull - bone_end, width) * (soft - image)
    image += _beyond(-distances["eyes"], width) * (value["fluid"] - image)
    image *= 1 - _beyond(outside, width)
    image *= _beyond(distances["airways"], width)
    return np.asarray(image, dtype=np.float32)


def _skull(
    shells: Shells, hull: Image, value: Mapping[str, np.float32], width: np.float32
) -> Image:
    """Paint fluid, inner table, marrow and outer table by distance from the brain's hull."""
    image = np.full_like(hull, value["fluid"])
    for share, tissue in ((0.0, "table"), (_TABLE_SHARE, "marrow"), (1 - _TABLE_SHARE, "table")):
        begins = shells.csf_mm + np.float32(share) * shells.bone_mm
        image += _beyond(hull - begins, width) * (value[tissue] - image)
    return image


def _soft(
    shells: Shells, outside: Image, value: Mapping[str, np.float32], width: np.float32
) -> Image:
    """Paint muscle streaked with fat, then fat and skin by depth under the surface."""
    streaks = ndtr(shells.texture).astype(np.float32) ** np.float32(_DARK_SHARE)
    image = value["muscle"] + streaks * (value["fat"] - value["muscle"])
    fat_begins = outside + _SKIN_MM + shells.fat_mm
    for depth, tissue in ((fat_begins, "fat"), (outside + _SKIN_MM, "skin")):
        image += _beyond(depth, width) * (value[tissue] - image)
    return np.asarray(image, dtype=np.float32)


def _beyond(distance: Image, width: np.float32) -> Image:
    """Return the fraction of a voxel beyond a surface at this signed distance."""
    return np.asarray(np.clip(distance / width + np.float32(0.5), 0, 1), dtype=np.float32)


def _field(rng: np.random.Generator, grid: Grid, spacing_mm: float, sd: float) -> Image:
    field = random_field(rng, grid, spacing_mm=spacing_mm, sd=sd)
    return np.asarray(field.on_grid(grid)[0], dtype=np.float32)
