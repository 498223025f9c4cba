"""The stages of the cortex as a surface."""

from __future__ import annotations

from rt1t2_dask.config.surface import DESIKAN
from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.surface import clusters, contrast
from rt1t2_dask.pipelines.surface.person_stages import PERSON_STAGES
from rt1t2_dask.pipelines.surface.template import ASSETS

ROWS = (Role("row", ("surface_smooth",), many=True),)
PAIRS = (*ROWS, Role("partner", ("surface_smooth",), many=True, optional=True))
SURFACE_CONTRAST = Stage(
    name="surface_contrast",
    make=contrast.make,
    scope="cohort",
    words="compare vertex by vertex",
    settings=contrast.SurfaceContrastSettings,
    reads=PAIRS,
    memory=Whole(1.0),
    cpu=Effort((0.5,)),
    writes={},
    libraries=("scipy",),
    assets=ASSETS,
    config=("contrast",),
    follows=("gain",),
)
SURFACE_PERMUTE = Stage(
    name="surface_permute",
    make=contrast.make_permute,
    scope="cohort",
    words="permutations on the cortex",
    settings=contrast.PermuteSettings,
    reads=(*PAIRS, Role("contrast", ("surface_contrast",))),
    memory=Whole(1.5),
    cpu=Effort((20.0,)),
    writes={},
    libraries=("numba", "scipy"),
    assets=ASSETS,
    config=("permute",),
    follows=("gain",),
)
SURFACE_CLUSTERS = Stage(
    name="surface_clusters",
    make=clusters.make,
    scope="cohort",
    words="clusters on the cortex",
    settings=clusters.ClusterSettings,
    reads=(
        Role("contrast", ("surface_contrast",)),
        Role("permute", ("surface_permute",), optional=True),
    ),
    memory=Whole(0.9),
    cpu=Effort((1.0,)),
    writes={},
    assets=ASSETS,
    optional_assets=(DESIKAN,),
    config=("contrast", "surface.extent_mm2"),
)
STAGES = (*PERSON_STAGES, SURFACE_CONTRAST, SURFACE_PERMUTE, SURFACE_CLUSTERS)
