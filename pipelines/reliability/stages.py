"""The stage that compares people's sessions."""

from __future__ import annotations

from rt1t2_dask.pipelines.engine.resources import Effort, Shapes
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.stages import OUTPUT, TEMPLATE_OUT
from rt1t2_dask.pipelines.reliability import compute
from rt1t2_dask.pipelines.voxelwise.blocks import BLOCK_BYTES
from rt1t2_dask.pipelines.voxelwise.stages import BASE_BYTES, ROW_BYTES


def _bytes(shapes: Shapes) -> float:
    """Return the memory of a block with its temporaries, and of the maps."""
    return BASE_BYTES + ROW_BYTES * shapes.people + 2 * BLOCK_BYTES + 40 * shapes.voxels[OUTPUT]


RELIABILITY = Stage(
    name="reliability",
    make=compute.make,
    scope="cohort",
    words="reliability of sessions",
    settings=compute.ReliabilitySettings,
    reads=(
        Role("row", ("smooth",), many=True),
        Role("region", ("parcels",), many=True),
        TEMPLATE_OUT,
    ),
    memory=_bytes,
    cpu=Effort((1.0, 4.0, 30.0), OUTPUT),
    writes={OUTPUT: len(compute.MAPS)},
    assets=(ATLAS,),
    config=("reliability",),
    follows=("gain",),
)
STAGES = (RELIABILITY,)
