"""The stage that tests the absence of an effect."""

from __future__ import annotations

from rt1t2_dask.pipelines.absence import regions, voxels
from rt1t2_dask.pipelines.contrasts.peaks import block_peak
from rt1t2_dask.pipelines.contrasts.stages import FITTED
from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.stages import OUTPUT
from rt1t2_dask.pipelines.permutations.stages import ROWS, relabel_bytes
from rt1t2_dask.pipelines.voxelwise.stages import MAPS

ABSENCE = Stage(
    name="absence",
    make=regions.make,
    scope="cohort",
    words="absence of an effect",
    settings=regions.AbsenceSettings,
    reads=(
        Role("row", ("parcels",), many=True),
        Role("partner", ("parcels",), many=True, optional=True),
        FITTED,
    ),
    memory=Whole(0.5),
    cpu=Effort((0.3,)),
    writes={},
    assets=(ATLAS,),
    config=("absence",),
    follows=("gain",),
)
BOUND = Stage(
    name="absence_bound",
    make=voxels.make_bound,
    scope="block",
    words="absence: one bound",
    settings=voxels.BoundSettings,
    reads=(*ROWS, FITTED),
    memory=relabel_bytes,
    cpu=Effort((1.0, 10.0, 80.0), OUTPUT),
    writes={OUTPUT: 1},
    shown_as="absence_maps",
    follows=("gain",),
)
ABSENCE_MAPS = Stage(
    name="absence_maps",
    make=voxels.make_maps,
    scope="cohort",
    words="absence, voxel by voxel",
    settings=regions.AbsenceSettings,
    reads=(*MAPS, FITTED, Role("bound", ("absence_bound",), many=True, optional=True)),
    memory=block_peak,
    cpu=Effort((2.0, 20.0, 160.0), OUTPUT),
    writes={OUTPUT: 4},
    config=("absence",),
    follows=("gain",),
)
STAGES = (ABSENCE, BOUND, ABSENCE_MAPS)
