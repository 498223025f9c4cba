"""Render one person's head without noise at one voxel size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from rt1t2_dask.images.volume import Affine
from rt1t2_dask.simulate import anatomy
from rt1t2_dask.simulate.biology import Biology, label_parcels
from rt1t2_dask.simulate.effects import Effect, change_at, to_index
from rt1t2_dask.simulate.fluid import added_fluid, ventricle_swelling
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.intensities import FLUID, GREY, WHITE
from rt1t2_dask.simulate.lattice import SmoothField
from rt1t2_dask.simulate.layers import CONTRASTS, Shells, paint_shells

Points = NDArray[np.float64]
Image = NDArray[np.float32]

_BOX_SD = 12**-0.5
_DISTANCES = ("hull", "face", "eyes", "airways", "muscle")


@dataclass(frozen=True)
class Tissue:
    """One person's tissue properties, on the T1w's grid or resampled from it."""

    biology: Biology
    sulci: Image
    shells: Shells


@dataclass(frozen=True)
class Place:
    """Template coordinates of a scan's voxels, and the person's tissue there."""

    template_mm: Image
    tissue: Tissue


@dataclass(frozen=True)
class Rendered:
    """A noiseless image, and the fractional change of each voxel's ratio from the template's."""

    image: Image
    change: Image


@dataclass(frozen=True, eq=False)
class Shape:
    """Shared geometry of all heads, for any voxel size."""

    surfaces: anatomy.Surfaces
    parcels: NDArray[np.int16]
    swelling: SmoothField


@dataclass(frozen=True, eq=False)
class BlurredBrain:
    """Brain and cord averaged over voxels of one size, cropped; `core` is their volume fraction.

    Intensities are mixed with 0 outside.
    """

    affine: Affine
    core: Image
    t1w: Image
    t2w: Image
    grey: Image
    white: Image
    fluid: Image


@lru_cache(maxsize=1)
def shape_of(head: HeadModel) -> Shape:
    """Compute the surfaces, parcels and ventricles of a head model, once per process."""
    surfaces = anatomy.surfaces(head.brain, head.grid)
    every = (slice(None, None, 2),) * 3
    brain = head.brain[every]
    grey, csf = (np.where(brain, i[every], 0).astype(np.float32) for i in (head.grey, head.csf))
    return Shape(
        surfaces,
        label_parcels(grey, surfaces.grid),
        ventricle_swelling(csf, surfaces.hull, surfaces.grid),
    )


@lru_cache(maxsize=1)
def blurred(head: HeadModel, voxel_mm: float) -> BlurredBrain:
    """Average the 1 mm brain over voxels of `voxel_mm` (a Gaussian of the box's variance)."""
    sigma = _BOX_SD * np.sqrt(max(voxel_mm**2 - 1, 0))
    core = head.brain | anatomy.cord_below(head.brain, head.grid)
    margin = int(np.ceil(3 * sigma)) + 2
    found = np.argwhere(core)
    start = np.maximum(found.min(axis=0) - margin, 0)
    stop = np.minimum(found.max(axis=0) + margin + 1, core.shape)
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))

    def averaged(image: NDArray[np.generic], mask: NDArray[np.bool_]) -> Image:
        kept = np.where(mask[box], image[box], 0).astype(np.float32)
        return np.asarray(gaussian_filter(kept, sigma, truncate=3))

    affine = np.asarray(head.grid.affine, dtype=np.float64).copy()
    affine[:3, 3] += start
    brain = head.brain
    return BlurredBrain(
        affine,
        core=averaged(np.ones(core.shape, np.float32), core),
        t1w=averaged(head.t1w, core),
        t2w=averaged(head.t2w, core),
        grey=averaged(head.grey, brain),
        white=averaged(head.white, brain),
        fluid=averaged(head.csf, brain),
    )


def carried(place: Place, index: Points) -> Place:
    """Interpolate a place's smooth values at other voxels (linear: all vary over at least 9 mm)."""
    at = np.moveaxis(index, -1, 0)

    def read(values: Image) -> Image:
        return np.asarray(map_coordinates(values, at, order=1, mode="nearest", output=np.float32))

    own = place.tissue
    tissue = Tissue(
        replace(own.biology, field=read(own.biology.field)),
        read(own.sulci),
        replace(
            own.shells,
            bone_mm=read(own.shells.bone_mm),
            fat_mm=read(own.shells.fat_mm),
            texture=read(own.shells.texture),
        ),
    )
    template_mm = np.stack([read(place.template_mm[..., i]) for i in range(3)], axis=-1)
    return Place(template_mm, tissue)


def render(
    head: HeadModel, place: Place, contrast: str, voxel_mm: float, effects: Sequence[Effect]
) -> Rendered:
    """Render one contrast of a head without lesions.

    Parameters
    ----------
    head : HeadModel
        From `build_head`.
    place : Place
        Voxels of the scan.
    contrast : {"t1w", "t2w"}
        Both share each change of the ratio by its square root.
    voxel_mm : float
        Voxel size that the head is averaged over.
    effects : sequence of Effect
        Planted, in template space.
    """
    brain, shape = blurred(head, voxel_mm), shape_of(head)
    index = np.moveaxis(to_index(place.template_mm, brain.affine), -1, 0)
    coarse = np.moveaxis(to_index(place.template_mm, shape.surfaces.grid.affine), -1, 0)
    labels = map_coordinates(shape.parcels, coarse, order=0, mode="nearest")
    change = _change(brain, place, index, labels, effects)
    power = 0.5 if contrast == "t1w" else -0.5
    image = _linear(getattr(brain, contrast), index) * (1 + change) ** np.float32(power)
    image += _fluid(place.tissue, contrast, _linear(brain.fluid, index))
    outer = _outer(shape.surfaces, place, coarse, contrast, voxel_mm)
    image += np.maximum(1 - _linear(brain.core, index), 0) * outer
    return Rendered(image.astype(np.float32), change)


def _change(
    brain: BlurredBrain,
    place: Place,
    index: Points,
    labels: NDArray[np.int16],
    effects: Sequence[Effect],
) -> Image:
    """Compute the fractional change of the ratio: biology and planted effects."""
    grey, white = _linear(brain.grey, index), _linear(brain.white, index)
    biology = place.tissue.biology
    own = biology.at(biology.field, grey, white, labels)
    whole = (1 + own) * (1 + change_at(place.template_mm, effects))
    return np.asarray(np.minimum(grey + white, 1) * (whole - 1), dtype=np.float32)


def _fluid(own: Tissue, contrast: str, share: Image) -> Image:
    """Return the change from this person's CSF: its brightness, wider or narrower sulci."""
    value = own.shells.values["fluid"][CONTRASTS.index(contrast)] * WHITE[contrast]
    gained = added_fluid(share, own.sulci) * np.float32(value - GREY[contrast])
    return np.asarray(gained + share * np.float32(value - FLUID[contrast]))


def _outer(
    surfaces: anatomy.Surfaces, place: Place, index: Points, contrast: str, voxel_mm: float
) -> Image:
    """Paint everything outside the brain."""
    distances = {name: _linear(getattr(surfaces, name), index, "nearest") for name in _DISTANCES}
    z_mm = place.template_mm[..., 2]
    painted = paint_shells(place.tissue.shells, distances, z_mm, contrast, voxel_mm)
    return np.asarray(np.float32(WHITE[contrast]) * painted)


def _linear(
    image: Image, index: Points, mode: Literal["constant", "nearest"] = "constant"
) -> Image:
    return np.asarray(map_coordinates(image, index, order=1, mode=mode, output=np.float32))
