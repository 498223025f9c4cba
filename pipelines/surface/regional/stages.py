"""The stages of regions of the cortex."""

from __future__ import annotations

from rt1t2_dask.pipelines.contrasts.stages import FITTED
from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import GREY, WHITE
from rt1t2_dask.pipelines.receptors import correlations
from rt1t2_dask.pipelines.surface.regional import contrast, means, pet
from rt1t2_dask.pipelines.surface.template import ASSETS

REGIONS = Stage(
    name="surface_regions",
    make=means.make,
    scope="person",
    words="means of cortical regions",
    settings=means.RegionMeansSettings,
    reads=(Role("surface"),),
    memory=Whole(0.6),
    cpu=Effort((0.4,)),
    writes={},
    assets=ASSETS,
    config=("surface.regions",),
)
REGION_CONTRAST = Stage(
    name="surface_region_contrast",
    make=contrast.make,
    scope="cohort",
    words="compare cortical regions",
    settings=contrast.SurfaceRegionSettings,
    reads=(
        Role("row", ("surface_regions",), many=True),
        Role("partner", ("surface_regions",), many=True, optional=True),
        FITTED,
    ),
    memory=Whole(0.6),
    cpu=Effort((1.0,)),
    writes={},
    assets=ASSETS,
    config=("surface.regions",),
    follows=("gain",),
)
SURFACE_PET = Stage(
    name="surface_pet",
    make=pet.make,
    scope="shared",
    words="receptor maps on the cortex",
    settings=pet.SurfacePetSettings,
    reads=(),
    memory=Whole(0.9),
    cpu=Effort((7.5,)),
    writes={},
    libraries=("numba", "scipy"),
    assets=(*ASSETS, GREY, WHITE),
    config=("surface.regions",),
)
SURFACE_RECEPTORS = Stage(
    name="surface_receptors",
    make=correlations.make_receptors,
    scope="cohort",
    words="receptors on the cortex",
    settings=correlations.ReceptorSettings,
    reads=(
        Role("row", ("surface_regions",), many=True),
        Role("pet", ("surface_pet",), shared=True),
    ),
    memory=Whole(0.6),
    cpu=Effort((5.0,)),
    writes={},
    config=("receptors",),
    follows=("gain",),
)
STAGES = (REGIONS, REGION_CONTRAST, SURFACE_PET, SURFACE_RECEPTORS)
