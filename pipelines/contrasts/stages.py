"""The stages of a contrast: its maps, tables and effects."""

from __future__ import annotations

from rt1t2_dask.pipelines.contrasts import clusters, contrast, detectable, regional, thresholds
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings
from rt1t2_dask.pipelines.engine.resources import Effort, Shapes, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.stages import OUTPUT, TEMPLATE_OUT

BRAIN = "brain"
"""A kind of grid: the voxels of a brain on the output grid."""
VARIANCE = "variance"
"""How variance is modelled, among the options of `Shapes`."""
MAPS = (
    Role("row", ("smooth", "harmonised"), many=True),
    Role("partner", ("smooth", "harmonised"), many=True, optional=True),
)
FITTED = Role("contrast")


def contrast_bytes(shapes: Shapes) -> float:
    """Return the peak memory of a contrast from the shapes, before anything is read."""
    voxels, grid = int(shapes.voxels[BRAIN]), int(shapes.voxels[OUTPUT])
    variance = shapes.options[VARIANCE]
    return contrast.peak_bytes(shapes.people, voxels, grid, shapes.columns, variance)


CONTRAST = Stage(
    name="contrast",
    make=contrast.make,
    scope="cohort",
    words="compare voxel by voxel",
    settings=ContrastSettings,
    reads=(*MAPS, TEMPLATE_OUT),
    memory=contrast_bytes,
    cpu=Effort((0.2, 0.5, 3.0), OUTPUT),
    writes={OUTPUT: 10},
    config=("contrast",),
    follows=("gain",),
)
CLUSTERS = Stage(
    name="clusters",
    make=clusters.make,
    scope="cohort",
    words="clusters",
    settings=clusters.ClusterSettings,
    reads=(
        Role("contrast", ("contrast", "meta", "pooled")),
        Role("lesion", ("ratio",), many=True, optional=True),
    ),
    memory=Whole(0.5),
    cpu=Effort((0.3, 0.5, 2.0), OUTPUT),
    writes={OUTPUT: 1},
    assets=(ATLAS,),
    config=("contrast.p", "contrast.extent_mm3"),
)
PARCEL_CONTRAST = Stage(
    name="parcel_contrast",
    make=regional.make_parcels,
    scope="cohort",
    words="compare regions",
    settings=regional.RegionSettings,
    reads=(
        Role("row", ("parcels",), many=True),
        Role("partner", ("parcels",), many=True, optional=True),
        FITTED,
    ),
    memory=Whole(0.5),
    cpu=Effort((0.3,)),
    writes={},
    assets=(ATLAS,),
    follows=("gain",),
)
CLUSTER_EFFECTS = Stage(
    name="cluster_effects",
    make=regional.make_clusters,
    scope="cohort",
    words="effects of clusters",
    settings=ContrastSettings,
    reads=(*MAPS, FITTED, Role("clusters")),
    memory=Whole(0.5),
    cpu=Effort((0.1, 0.3, 1.0), OUTPUT),
    writes={},
    follows=("gain",),
)
DETECTABLE = Stage(
    name="detectable",
    make=detectable.make,
    scope="cohort",
    words="smallest effect to be found",
    settings=detectable.DetectableSettings,
    reads=(FITTED, Role("permute", optional=True)),
    memory=Whole(0.5),
    cpu=Effort((0.1, 0.2, 1.0), OUTPUT),
    writes={OUTPUT: 1},
)
THRESHOLDS = Stage(
    name="thresholds",
    make=thresholds.make,
    scope="cohort",
    words="other thresholds",
    settings=thresholds.ThresholdSettings,
    reads=(FITTED,),
    memory=Whole(0.5),
    cpu=Effort((0.1, 0.3, 2.0), OUTPUT),
    writes={},
)
STAGES = (CONTRAST, CLUSTERS, PARCEL_CONTRAST, CLUSTER_EFFECTS, DETECTABLE, THRESHOLDS)
