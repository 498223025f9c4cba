"""The stages of regions of the user's own: people's means, contrasts, small volumes."""

from __future__ import annotations

from rt1t2_dask.pipelines.contrasts.stages import FITTED
from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.stages import OUTPUT
from rt1t2_dask.pipelines.permutations.stages import ROWS, relabel_bytes
from rt1t2_dask.pipelines.regions import contrast, own_atlas

ATLAS_PARCELS = Stage(
    name="atlas_parcels",
    make=own_atlas.make,
    scope="person",
    words="means of your own regions",
    settings=own_atlas.OwnAtlasSettings,
    reads=(Role("smooth", ("smooth", "harmonised")),),
    memory=Whole(0.5),
    cpu=Effort((0.1, 0.15, 0.5), OUTPUT),
    writes={},
    config=("regions",),
)
REGION_CONTRAST = Stage(
    name="region_contrast",
    make=contrast.make_contrast,
    scope="cohort",
    words="compare your own regions",
    settings=contrast.RegionContrastSettings,
    reads=(
        Role("row", ("atlas_parcels",), many=True),
        Role("partner", ("atlas_parcels",), many=True, optional=True),
        FITTED,
    ),
    memory=Whole(0.5),
    cpu=Effort((0.3,)),
    writes={},
    config=("regions",),
    follows=("gain",),
)
SMALL_VOLUME = Stage(
    name="small_volume",
    make=contrast.make_small_volume,
    scope="cohort",
    words="small-volume correction",
    settings=contrast.SmallVolumeSettings,
    reads=(*ROWS, FITTED),
    memory=relabel_bytes,
    cpu=Effort((0.3, 0.6, 3.0), OUTPUT),
    writes={OUTPUT: 1},
    config=("regions", "permute"),
    follows=("gain",),
)
STAGES = (ATLAS_PARCELS, REGION_CONTRAST, SMALL_VOLUME)
