"""The stages of a person's cortex: the ratio on the common mesh, and smoothed."""

from __future__ import annotations

from dataclasses import replace

from rt1t2_dask.bids.surfaces import FSLR_ROLES, ROLES
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.resources import Effort, Need, Whole
from rt1t2_dask.pipelines.engine.stage import Role
from rt1t2_dask.pipelines.images.stages import SCANS, PersonStage
from rt1t2_dask.pipelines.surface import sample
from rt1t2_dask.pipelines.surface.files import ORIG
from rt1t2_dask.pipelines.surface.template import ASSETS, FSAVERAGE5, mesh_assets


def _sampled(config: Config) -> sample.SurfaceSettings:
    names = set(sample.SurfaceSettings.model_fields)
    return sample.SurfaceSettings(**config.surface.model_dump(include=names))


def _smoothed(config: Config) -> sample.SmoothSettings:
    return sample.SmoothSettings(mesh=config.surface.mesh, fwhm_mm=config.surface.fwhm_mm)


SURFACE = PersonStage(
    name="surface",
    make=sample.make,
    scope="person",
    words="ratio on the cortical ribbon",
    settings=sample.SurfaceSettings,
    settings_of=_sampled,
    files=(*ROLES, ORIG),
    reads=(Role("ratio", ("ratio", "transmit_corrected")),),
    memory=Need(900, {SCANS: 2}),
    cpu=Effort((2.0, 3.0, 6.0), SCANS),
    writes={},
    libraries=("nibabel", "numba", "scipy"),
    assets=ASSETS,
    config=("surface",),
)
SURFACE_SMOOTH = PersonStage(
    name="surface_smooth",
    make=sample.make_smooth,
    scope="person",
    words="smooth along the cortex",
    settings=sample.SmoothSettings,
    settings_of=_smoothed,
    reads=(Role("surface"),),
    memory=Whole(0.9),
    cpu=Effort((0.3,)),
    writes={},
    libraries=("scipy",),
    assets=ASSETS,
    config=("surface.fwhm_mm",),
)
PERSON_STAGES = (SURFACE, SURFACE_SMOOTH)


def cortex_stages(config: Config) -> tuple[PersonStage, ...]:
    """Return the stages as the mesh of the study wants them.

    Raises
    ------
    UserError
        Files of the mesh are not found.
    """
    if config.surface.mesh == FSAVERAGE5:
        return PERSON_STAGES
    names = mesh_assets(config.surface.mesh)
    sampled = replace(SURFACE, assets=names, files=(*SURFACE.files, *FSLR_ROLES))
    return sampled, replace(SURFACE_SMOOTH, assets=names)
