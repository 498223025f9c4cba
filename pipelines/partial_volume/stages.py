"""The stage that puts a contrast beside the one with tissue held."""

from __future__ import annotations

from rt1t2_dask.pipelines.contrasts.stages import FITTED
from rt1t2_dask.pipelines.engine.resources import Effort, Need
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.stages import OUTPUT
from rt1t2_dask.pipelines.partial_volume import compare
from rt1t2_dask.pipelines.voxelwise.blocks import VOXELWISE

PARTIAL_VOLUME = Stage(
    name="partial_volume",
    make=compare.make,
    scope="cohort",
    words="contrasts with tissue held",
    settings=compare.CompareSettings,
    reads=(
        FITTED,
        Role("clusters"),
        Role("adjusted", ("contrast",)),
        Role("adjusted_clusters", ("clusters",)),
        Role(VOXELWISE[0], ("smooth_shares",), many=True),
        Role(VOXELWISE[1], ("smooth_shares",), many=True, optional=True),
    ),
    memory=Need(200, {OUTPUT: 12}),
    cpu=Effort((0.1, 0.5, 3.0), OUTPUT),
    writes={},
    config=("partial_volume",),
)
STAGES = (PARTIAL_VOLUME,)
