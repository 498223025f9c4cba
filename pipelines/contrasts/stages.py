"""The stages of a contrast: its maps, tables and effects."""

from __future__ import annotations

from dataclasses import replace

from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings
from rt1t2_dask.pipelines.contrasts import (
    block,
    clusters,
    contrast,
    detectable,
    regional,
    thresholds,
)
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings
from rt1t2_dask.pipelines.contrasts.peaks import block_peak, joined_peak
from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.stages import OUTPUT, TEMPLATE_OUT
from rt1t2_dask.pipelines.voxelwise.stages import COVARIATE, MAPS

FITTED = Role("contrast")
COVARIANCE_ROLE = Role("covariance", ("contrast_covariance",), many=True, optional=True)
CONTRAST = Stage(
    name="contrast",
    make=contrast.make,
    scope="cohort",
    words="compare voxel by voxel",
    settings=ContrastSettings,
    reads=(
        *(replace(role, optional=True) for role in (*MAPS, *COVARIATE, TEMPLATE_OUT)),
        Role("block", ("contrast_block",), many=True, optional=True),
        COVARIANCE_ROLE,
        Role("sums", ("sums", "sums_total"), many=True, optional=True),
    ),
    memory=joined_peak,
    cpu=Effort((0.2, 0.5, 3.0), OUTPUT),
    writes={OUTPUT: 10},
    config=("contrast",),
    follows=("gain",),
)
CONTRAST_BLOCK = Stage(
    name="contrast_block",
    make=block.make,
    scope="block",
    words="compare a block of voxels",
    settings=block.BlockSettings,
    reads=(*MAPS, *COVARIATE, TEMPLATE_OUT, COVARIANCE_ROLE),
    memory=block_peak,
    cpu=Effort((0.2, 0.5, 3.0), OUTPUT),
    writes={OUTPUT: 5},
    shown_as=CONTRAST.name,
    follows=("gain",),
)
CONTRAST_COVARIANCE = Stage(
    name="contrast_covariance",
    make=block.covariance,
    scope="block",
    words="covariance between people",
    settings=block.BlockSettings,
    reads=(*MAPS, TEMPLATE_OUT),
    memory=block_peak,
    cpu=Effort((0.2, 0.5, 3.0), OUTPUT),
    writes={},
    shown_as=CONTRAST.name,
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
        Role("lesion", ("ratio", "transmit_corrected"), many=True, optional=True),
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
CLUSTER_MEANS = Stage(
    name="cluster_means",
    make=regional.mean_of_clusters,
    scope="block",
    words="means of clusters",
    settings=ScaleSettings,
    reads=(*MAPS, Role("clusters")),
    memory=Whole(0.6),
    cpu=Effort((0.1, 0.3, 1.0), OUTPUT),
    writes={},
    shown_as="cluster_effects",
    follows=("gain",),
)
CLUSTER_EFFECTS = Stage(
    name="cluster_effects",
    make=regional.make_clusters,
    scope="cohort",
    words="effects of clusters",
    settings=ContrastSettings,
    reads=(FITTED, Role("clusters"), Role("means", ("cluster_means",), many=True)),
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
STAGES = (
    CONTRAST_COVARIANCE,
    CONTRAST_BLOCK,
    CONTRAST,
    CLUSTERS,
    PARCEL_CONTRAST,
    CLUSTER_MEANS,
    CLUSTER_EFFECTS,
    DETECTABLE,
    THRESHOLDS,
)
