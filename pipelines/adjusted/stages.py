"""The stage that puts a contrast beside the same with more held."""

from __future__ import annotations

from rt1t2_dask.pipelines.adjusted import compare
from rt1t2_dask.pipelines.contrasts.stages import FITTED
from rt1t2_dask.pipelines.engine.resources import Effort, Need
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.stages import OUTPUT
from rt1t2_dask.pipelines.voxelwise.stages import COVARIATE

ADJUSTED = Stage(
    name="adjusted",
    make=compare.make,
    scope="cohort",
    words="contrasts with more held",
    settings=compare.CompareSettings,
    reads=(
        FITTED,
        Role("clusters"),
        Role("adjusted", ("contrast",)),
        Role("adjusted_clusters", ("clusters",)),
        *COVARIATE,
    ),
    memory=Need(200, {OUTPUT: 12}),
    cpu=Effort((0.1, 0.5, 3.0), OUTPUT),
    writes={},
)
STAGES = (ADJUSTED,)
