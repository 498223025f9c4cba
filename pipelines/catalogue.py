"""Every stage by name, for workers."""

from __future__ import annotations

from rt1t2_dask.pipelines.bias import BIAS
from rt1t2_dask.pipelines.brain import BRAIN
from rt1t2_dask.pipelines.calibrate import CALIBRATE
from rt1t2_dask.pipelines.clusters import CLUSTERS
from rt1t2_dask.pipelines.contrast import CONTRAST
from rt1t2_dask.pipelines.coregister import COREGISTER
from rt1t2_dask.pipelines.detectable import DETECTABLE
from rt1t2_dask.pipelines.gain import GAIN
from rt1t2_dask.pipelines.harmonise import COMBAT, HARMONISED
from rt1t2_dask.pipelines.head import HEAD_STAGE
from rt1t2_dask.pipelines.ingest import MAP, SCANS
from rt1t2_dask.pipelines.landmarks import LANDMARKS, REFERENCE
from rt1t2_dask.pipelines.meta import META
from rt1t2_dask.pipelines.morphometry import (
    ACROSS_COHORTS,
    FEATURES,
    MAP_CORRELATIONS,
    NETWORKS,
    REGION_CONTRAST,
)
from rt1t2_dask.pipelines.normalise import NORMALISE
from rt1t2_dask.pipelines.own_atlas import ATLAS_PARCELS
from rt1t2_dask.pipelines.parcels import PARCELS
from rt1t2_dask.pipelines.permute import PERMUTE
from rt1t2_dask.pipelines.permute_batch import OBSERVED, PERMUTE_BATCH
from rt1t2_dask.pipelines.pooled import POOLED
from rt1t2_dask.pipelines.quality import QUALITY
from rt1t2_dask.pipelines.ratio import RATIO
from rt1t2_dask.pipelines.receptors import PET_STAGE, RECEPTORS
from rt1t2_dask.pipelines.regional import CLUSTER_EFFECTS, PARCEL_CONTRAST
from rt1t2_dask.pipelines.share import SHARE
from rt1t2_dask.pipelines.site_effects import SITE_EFFECTS
from rt1t2_dask.pipelines.smooth import SMOOTH
from rt1t2_dask.pipelines.stage import Stage
from rt1t2_dask.pipelines.template import TEMPLATE
from rt1t2_dask.pipelines.thresholds import THRESHOLDS
from rt1t2_dask.pipelines.tissue import TISSUE
from rt1t2_dask.pipelines.transcriptome import EXPRESSION_STAGE, TRANSCRIPTOME

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
