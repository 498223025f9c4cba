"""The stage that tests the absence of an effect."""

from __future__ import annotations

from rt1t2_dask.pipelines.absence import regions
from rt1t2_dask.pipelines.contrasts.stages import FITTED
from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS

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
STAGES = (ABSENCE,)
