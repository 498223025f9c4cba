"""SIMULATED: what the labels of a real head look like in T1w and T2w, before any scanner."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nibabel as nib
import numpy as np
from heads.label_folder import path_of
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.transform import move, translation
from rt1t2_dask.images.volume import Array, Grid, Volume
from rt1t2_dask.simulate.lattice import random_field

# White matter where 100 is the median over the brain: measured on MNI152_T1_2mm and _T2_2mm (FSL),
# so that the true ratio has the unit of the shipped calibration reference.
WHITE_T1W, WHITE_T2W = 129.0, 74.0

# (T1w, T2w) against white matter at 1.5 to 3 T, 3-D gradient echo and 3-D spin echo. Grey, white
# matter and fluid lie near the MNI152 templates; fat is the brightest, as in people, and not
# blurred with skin and bone as in a template.
CORTEX, WHITE, FLUID = (0.75, 1.32), (1.0, 1.0), (0.27, 3.1)
FAT, MUSCLE, SKIN = (1.35, 1.30), (0.50, 0.48), (0.62, 0.60)
LEVELS: dict[tuple[int, ...], tuple[float, float]] = {
    (3, 42): CORTEX,
    (2, 41): WHITE,
    (4, 5, 14, 15, 43, 44, 72): FLUID,
    (7, 46): (0.97, 1.05),
    (8, 47): (0.73, 1.34),
    (10, 49): (0.87, 1.18),
    (11, 50): (0.78, 1.31),
    (12, 51): (0.84, 1.15),
    (13, 52): (0.95, 0.90),
    (16,): (0.93, 1.10),
    (17, 53): (0.75, 1.38),
    (18, 54): (0.76, 1.34),
    (24,): (0.29, 2.9),
    (25, 57): (0.78, 1.7),  # white matter lesions of age
    (26, 58): (0.79, 1.27),
    (28, 60, 85): (0.92, 1.08),
    (30, 62): (0.40, 0.60),
    (136, 137, 163, 164): (0.50, 2.0),  # choroid plexus
    (502,): (0.35, 0.20),  # artery
    (506,): (0.30, 3.0),
    (508,): (0.80, 1.2),
    (509,): (0.60, 1.5),  # mucosa
    (507, 530): MUSCLE,
    (511,): SKIN,
    (512,): (0.90, 1.10),
    (514,): (0.45, 0.45),  # vein
    (515,): (0.10, 0.12),
    (516,): (0.80, 0.75),  # fatty marrow
}
GREY = (3, 8, 10, 11, 12, 13, 17, 18, 26, 42, 47, 49, 50, 51, 52, 53, 54, 58)
WHITE_LABELS = (2, 7, 16, 28, 41, 46, 60, 85)
AGED_WHITE = (25, 57)
INNER_FLUID = (4, 5, 14, 15, 43, 44, 72, 30, 62, 136, 137, 163, 164)
OUTER_FLUID, EYES, SOFT, SKIN_LABEL = 24, 506, 507, 511
THALAMUS = (10, 49)

_MARGIN = 8
_PARTIAL_VOLUME_SIGMA = 0.6
_TEXTURE_MM, _MARBLE_MM = 6.0, 8.0
_TEXTURE = {"brain": 0.02, "fluid": 0.04, "outside": 0.10}
_FAT_MM, _FAT_SD_MM = (2.5, 5.0), 1.0
_MARBLED = 1.2  # standard deviations: about one voxel in nine of deep soft tissue is fat
_ORBIT_MM = 26.0


@dataclass(frozen=True, eq=False)
class Tissues:
    """One clean head: labels and noise-free images on the label map's own 1 mm grid."""

    grid: Grid
    labels: NDArray[np.int16]
    t1w: NDArray[np.float32]
    t2w: NDArray[np.float32]


@lru_cache(maxsize=2)
def tissues(person: int) -> Tissues:
    """Paint the head of a person (1 to 10): the same for every scanner and seed."""
    labels = _cropped(path_of(person))
    rng = np.random.default_rng([20250423, person])
    fat = _fat(labels, rng)
    spread = _spread(labels.data)
    t1w, t2w = (
        _painted(labels, fat, contrast, scale, spread, rng)
        for contrast, scale in enumerate((WHITE_T1W, WHITE_T2W))
    )
    return Tissues(labels.grid, labels.data, t1w, t2w)


def _cropped(path: Path) -> Volume:
    image = nib.as_closest_canonical(nib.load(path))
    data = np.asarray(image.dataobj).astype(np.int16)
    where = [np.flatnonzero(data.any(axis=other)) for other in ((1, 2), (0, 2), (0, 1))]
    low = np.array([max(w[0] - _MARGIN, 0) for w in where])
    box = tuple(slice(a, w[-1] + 1 + _MARGIN) for a, w in zip(low, where, strict=True))
    affine = np.asarray(image.affine, dtype=np.float64) @ translation(low)
    return Volume(np.ascontiguousarray(data[box]), affine)


def _painted(
    labels: Volume,
    fat: NDArray[np.bool_],
    contrast: int,
    scale: float,
    spread: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Give one contrast: level, fat, texture, then the blur of partial volume."""
    table = np.zeros(600, dtype=np.float32)
    for ids, level in LEVELS.items():
        table[list(ids)] = level[contrast]
    image = table[labels.data]
    image[fat] = FAT[contrast]
    image *= np.exp(spread * _noise(rng, labels.grid, _TEXTURE_MM)) * np.float32(scale)
    return np.asarray(ndimage.gaussian_filter(image, _PARTIAL_VOLUME_SIGMA, truncate=3.0))


def _spread(labels: NDArray[np.int16]) -> NDArray[np.float32]:
    """Give the log-sd of the texture by label."""
    table = np.full(600, _TEXTURE["outside"], dtype=np.float32)
    table[list(GREY + WHITE_LABELS + AGED_WHITE)] = _TEXTURE["brain"]
    table[[*INNER_FLUID, OUTER_FLUID, EYES]] = _TEXTURE["fluid"]
    return np.asarray(table[labels])


def _fat(labels: Volume, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Mark fat in the soft tissue: under the skin, in the orbits, and marbled through muscle."""
    soft = labels.data == SOFT
    under = np.clip(rng.uniform(*_FAT_MM) + _FAT_SD_MM * _noise(rng, labels.grid, 40.0), 0, None)
    beneath_skin = ndimage.distance_transform_edt(
        (labels.data != 0) & (labels.data != SKIN_LABEL)
    ).astype(np.float32)
    marbled = _noise(rng, labels.grid, _MARBLE_MM) > _MARBLED
    return np.asarray(soft & ((beneath_skin <= under) | marbled | _orbits(labels)))


def _orbits(labels: Volume) -> NDArray[np.bool_]:
    parts, _ = ndimage.label(labels.data == EYES)
    two = 1 + np.argsort(np.bincount(parts.ravel())[1:])[-2:]
    centres = ndimage.center_of_mass(parts > 0, parts, two)
    near = np.zeros(labels.data.shape, dtype=bool)
    for centre in centres:
        axes = np.ogrid[tuple(slice(0, n) for n in labels.data.shape)]
        squared = sum((axis - c) ** 2 for axis, c in zip(axes, centre, strict=True))
        near |= squared < _ORBIT_MM**2
    return near


def _noise(rng: np.random.Generator, grid: Grid, spacing_mm: float) -> Array:
    field = random_field(rng, grid, spacing_mm=spacing_mm, sd=1.0)
    return np.asarray(field.on_grid(grid)[0], dtype=np.float32)


def centroid_mm(labels: Volume, label: int) -> Array:
    """Give the mean position of a label in mm, shape (3,)."""
    return move(labels.affine, np.argwhere(labels.data == label).mean(axis=0))
