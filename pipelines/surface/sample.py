"""Stages `surface` and `surface_smooth`: a person's ratio on the common mesh of the cortex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.surface.files import Cortex, read_cortex
from rt1t2_dask.pipelines.surface.template import SIDES, by_side, cortex_mask, middles, template
from rt1t2_dask.surface.common import CommonMesh
from rt1t2_dask.surface.curvature import regressed
from rt1t2_dask.surface.depths import sample_depths
from rt1t2_dask.surface.laplacian import mean_curvature
from rt1t2_dask.surface.mesh import joined, thickness
from rt1t2_dask.surface.resample import area_corrected, resampled
from rt1t2_dask.surface.ribbon import ribbon_weights, sample_ribbon
from rt1t2_dask.surface.smooth import smoother

Float = NDArray[np.float64]
RATIO, SMOOTHED = "surface_ratio", "surface_smoothed"
THICKNESS, DEPTHS, CURVATURE = "surface_thickness", "surface_depths", "curvature"


class SurfaceSettings(StageSettings):
    """Whose files, and what is sampled beside the ribbon."""

    kind: str
    mesh: str
    purity: float
    depths: tuple[float, ...] = ()
    curvature: bool = False


class SmoothSettings(StageSettings):
    """Full width at half maximum of the heat kernel, mm."""

    mesh: str
    fwhm_mm: float


def make(inputs: Inputs) -> Made:
    """Sample the ratio between white and pial surface, and carry it to the common mesh."""
    settings = inputs.settings_as(SurfaceSettings)
    ratio = inputs.volume("ratio", "ratio_t1w")
    cortices = [read_cortex(inputs, settings.kind, side) for side in SIDES]
    ribbons = _ribbons(cortices, ratio, settings.purity)
    there = [template(side, settings.mesh) for side in SIDES]
    sides = [
        _on_common_mesh(common, cortex, {RATIO: ribbon} | _more(cortex, ratio, settings))
        for common, cortex, ribbon in zip(there, cortices, ribbons, strict=True)
    ]
    found = {name: np.concatenate([own[name] for own in sides], axis=-1) for name in sides[0]}
    if settings.curvature:
        found[RATIO] = regressed(found[RATIO], found.pop(CURVATURE)[None])
    cortex = cortex_mask(settings.mesh)
    missing = float(np.isnan(found[RATIO][cortex]).mean())
    arrays = {name: table(name, own.astype(np.float32)) for name, own in found.items()}
    return Made(xr.Dataset(arrays), {"missing": missing, **_median(found, cortex)})


def make_smooth(inputs: Inputs) -> Made:
    """Smooth along the midthickness of the common mesh; missing vertices are renormalised."""
    settings = inputs.settings_as(SmoothSettings)
    ratio = by_side(inputs.array("surface", RATIO).astype(np.float64)).values()
    meshes = middles(settings.mesh)
    parts = [smoother(m, settings.fwhm_mm)(own) for m, own in zip(meshes, ratio, strict=True)]
    found = np.concatenate(parts).astype(np.float32)
    return Made(xr.Dataset({SMOOTHED: table(SMOOTHED, found)}), {"fwhm_mm": settings.fwhm_mm})


def _ribbons(cortices: Sequence[Cortex], ratio: Volume, purity: float) -> list[Float]:
    """Return the mean ratio of each hemisphere's vertices; voxels between both count for both."""
    white, pial = (joined(*(getattr(c, name) for c in cortices)) for name in ("white", "pial"))
    weights = ribbon_weights(white, pial, ratio.grid)
    values = sample_ribbon(weights, ratio.data, purity=purity)
    return np.split(values, [len(cortices[0].white.vertices)])


def _more(cortex: Cortex, ratio: Volume, settings: SurfaceSettings) -> dict[str, Float]:
    """Return what else is known of a person's vertices, by name."""
    own = {THICKNESS: thickness(cortex.white, cortex.pial)}
    if settings.curvature:
        own[CURVATURE] = mean_curvature(cortex.middle)
    if settings.depths:
        own[DEPTHS] = sample_depths(ratio, cortex.white, cortex.pial, settings.depths)
    return own


def _on_common_mesh(
    there: CommonMesh, cortex: Cortex, maps: Mapping[str, Float]
) -> dict[str, Float]:
    own = there.own_sphere if cortex.registered_to_mesh else None
    areas = cortex.middle.vertex_areas, there.middle.vertex_areas
    weights = area_corrected(cortex.sphere, own or there.sphere, *areas)
    return {name: resampled(weights, values, there.cortex) for name, values in maps.items()}


def _median(found: dict[str, Float], cortex: NDArray[np.bool_]) -> dict[str, float]:
    names = {RATIO: "median_ratio", THICKNESS: "median_thickness_mm"}
    return {words: float(np.nanmedian(found[name][cortex])) for name, words in names.items()}
