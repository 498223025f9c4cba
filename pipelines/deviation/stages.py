"""The stages that compare single patients with the controls."""

from __future__ import annotations

from rt1t2_dask.pipelines.contrasts.peaks import BRAIN
from rt1t2_dask.pipelines.deviation import block, controls, patient
from rt1t2_dask.pipelines.engine.resources import Effort, Need, Shapes
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.stages import OUTPUT, TEMPLATE_OUT
from rt1t2_dask.pipelines.voxelwise.blocks import BLOCK_BYTES, FLOAT_BYTES
from rt1t2_dask.pipelines.voxelwise.runs import block_count
from rt1t2_dask.pipelines.voxelwise.stages import MAPS
from rt1t2_dask.stats.deviation import TILE_VALUES

BASE_BYTES, ROW_BYTES, TEMPORARIES = 480 * 2**20, 10_000, 16
ROWS = MAPS[0]
BLOCKS = Role("block", ("deviation_block",), many=True)


def block_peak(shapes: Shapes) -> float:
    """Return the peak memory of a block in bytes: data, maps of its people, one tile's fit."""
    people, voxels = shapes.people, int(shapes.voxels[BRAIN])
    own = voxels // block_count(people, voxels) + 1
    data = min(BLOCK_BYTES, FLOAT_BYTES * people * own)
    maps = 2 * len(block.MAPS) * FLOAT_BYTES * people * own
    return BASE_BYTES + ROW_BYTES * people + data + maps + TEMPORARIES * 8 * TILE_VALUES


BLOCK = Stage(
    name="deviation_block",
    make=block.make,
    scope="block",
    words="patients and controls",
    settings=block.BlockSettings,
    reads=(ROWS, TEMPLATE_OUT),
    memory=block_peak,
    cpu=Effort((0.4, 2.0, 14.0), OUTPUT),
    writes={OUTPUT: 5},
    shown_as="deviation",
    follows=("gain",),
)
CONTROLS = Stage(
    name="deviation_controls",
    make=controls.make,
    scope="cohort",
    words="controls left out in turn",
    settings=controls.ControlsSettings,
    reads=(ROWS, TEMPLATE_OUT, BLOCKS),
    memory=Need(400, {OUTPUT: 24}),
    cpu=Effort((1.0, 6.0, 40.0), OUTPUT),
    writes={},
    shown_as="deviation",
    follows=("gain",),
)
DEVIATION = Stage(
    name="deviation",
    make=patient.make,
    scope="cohort",
    words="each patient by voxel",
    settings=patient.PatientSettings,
    reads=(
        ROWS,
        TEMPLATE_OUT,
        BLOCKS,
        Role("controls", ("deviation_controls",)),
        Role("parcels", ("parcels",), many=True),
        Role("lesion", ("ratio", "transmit_corrected"), many=True, optional=True),
    ),
    memory=Need(400, {OUTPUT: 24}),
    cpu=Effort((0.5, 2.0, 14.0), OUTPUT),
    writes={OUTPUT: 4},
    assets=(ATLAS,),
    config=("deviation", "contrast.p", "contrast.extent_mm3"),
    follows=("gain",),
)
STAGES = (BLOCK, CONTROLS, DEVIATION)
