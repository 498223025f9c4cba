"""The stages of regional tables: features, networks, contrasts, cohorts together."""

from __future__ import annotations

from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.settings import NoSettings
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.morphometry import compute, settings

FEATURES_ROLE = Role("features")
MAPS = Role("map", ("similarity_contrast", "across_cohorts"), many=True, optional=True)
"""Maps of this study, beside those that the user names as files."""
FEATURES = Stage(
    name="features",
    make=compute.make_features,
    scope="cohort",
    words="read the regional tables",
    settings=settings.FeatureSettings,
    reads=(),
    memory=Whole(0.5),
    cpu=Effort((0.5,)),
    writes={},
)
NETWORKS = Stage(
    name="similarity",
    make=compute.make_similarity,
    scope="block",
    words="similarity of regions",
    settings=settings.NetworkSettings,
    reads=(FEATURES_ROLE,),
    memory=Whole(0.5),
    cpu=Effort((0.1,)),
    writes={},
)
REGION_CONTRAST = Stage(
    name="similarity_contrast",
    make=compute.make_contrast,
    scope="cohort",
    words="compare regions",
    settings=settings.RegionContrastSettings,
    reads=(FEATURES_ROLE, Role("block", ("similarity",), many=True, optional=True)),
    memory=Whole(0.5),
    cpu=Effort((2.4,)),
    writes={},
)
ACROSS_COHORTS = Stage(
    name="across_cohorts",
    make=compute.make_across,
    scope="cohort",
    words="cohorts together",
    settings=NoSettings,
    reads=(Role("contrast", ("similarity_contrast",), many=True),),
    memory=Whole(0.5),
    cpu=Effort((0.1,)),
    writes={},
)
MAP_CORRELATIONS = Stage(
    name="map_correlations",
    make=compute.make_correlations,
    scope="cohort",
    words="correlations of maps",
    settings=settings.CorrelationSettings,
    reads=(MAPS,),
    memory=Whole(0.5),
    cpu=Effort((0.3,)),
    writes={},
)
STAGES = (FEATURES, NETWORKS, REGION_CONTRAST, ACROSS_COHORTS, MAP_CORRELATIONS)
