"""Every stage by name, for workers."""

from __future__ import annotations

from rt1t2_dask.pipelines.calibration.gain import GAIN
from rt1t2_dask.pipelines.contrasts.clusters import CLUSTERS
from rt1t2_dask.pipelines.contrasts.contrast import CONTRAST
from rt1t2_dask.pipelines.contrasts.detectable import DETECTABLE
from rt1t2_dask.pipelines.contrasts.regional import CLUSTER_EFFECTS, PARCEL_CONTRAST
from rt1t2_dask.pipelines.contrasts.thresholds import THRESHOLDS
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.images.bias import BIAS
from rt1t2_dask.pipelines.images.brain import BRAIN
from rt1t2_dask.pipelines.images.calibrate import CALIBRATE
from rt1t2_dask.pipelines.images.coregister import COREGISTER
from rt1t2_dask.pipelines.images.head import HEAD_STAGE
from rt1t2_dask.pipelines.images.ingest import MAP, SCANS
from rt1t2_dask.pipelines.images.landmarks import LANDMARKS, REFERENCE
from rt1t2_dask.pipelines.images.normalise import NORMALISE
from rt1t2_dask.pipelines.images.parcels import PARCELS
from rt1t2_dask.pipelines.images.quality import QUALITY
from rt1t2_dask.pipelines.images.ratio import RATIO
from rt1t2_dask.pipelines.images.smooth import SMOOTH
from rt1t2_dask.pipelines.images.template import TEMPLATE
from rt1t2_dask.pipelines.images.tissue import TISSUE
from rt1t2_dask.pipelines.morphometry.compute import (
    ACROSS_COHORTS,
    FEATURES,
    MAP_CORRELATIONS,
    NETWORKS,
    REGION_CONTRAST,
)
from rt1t2_dask.pipelines.permutations.batch import OBSERVED, PERMUTE_BATCH
from rt1t2_dask.pipelines.permutations.permute import PERMUTE
from rt1t2_dask.pipelines.receptors.correlations import PET_STAGE, RECEPTORS
from rt1t2_dask.pipelines.receptors.custom_atlas import ATLAS_PARCELS
from rt1t2_dask.pipelines.share.pooled import POOLED
from rt1t2_dask.pipelines.share.sums import SHARE
from rt1t2_dask.pipelines.sites.effects import SITE_EFFECTS
from rt1t2_dask.pipelines.sites.harmonise import COMBAT, HARMONISED
from rt1t2_dask.pipelines.sites.meta import META
from rt1t2_dask.pipelines.transcriptome.compute import EXPRESSION_STAGE, TRANSCRIPTOME

STAGES = (
    TEMPLATE,
    HEAD_STAGE,
    SCANS,
    MAP,
    COREGISTER,
    BIAS,
    BRAIN,
    NORMALISE,
    TISSUE,
    LANDMARKS,
    REFERENCE,
    CALIBRATE,
    RATIO,
    QUALITY,
    SMOOTH,
    PARCELS,
    GAIN,
    CONTRAST,
    CLUSTERS,
    OBSERVED,
    PERMUTE_BATCH,
    PERMUTE,
    PARCEL_CONTRAST,
    CLUSTER_EFFECTS,
    DETECTABLE,
    THRESHOLDS,
    ATLAS_PARCELS,
    PET_STAGE,
    RECEPTORS,
    COMBAT,
    HARMONISED,
    META,
    SITE_EFFECTS,
    SHARE,
    POOLED,
    FEATURES,
    NETWORKS,
    REGION_CONTRAST,
    ACROSS_COHORTS,
    MAP_CORRELATIONS,
    EXPRESSION_STAGE,
    TRANSCRIPTOME,
)
_BY_NAME = {stage.name: stage for stage in STAGES}


def stage_named(name: str) -> Stage:
    """Return the stage of this name."""
    return _BY_NAME[name]
