"""The stages that correct the ratio for the transmit field."""

from __future__ import annotations

from rt1t2_dask.pipelines.engine.resources import Effort, Need, Whole
from rt1t2_dask.pipelines.engine.settings import NoSettings
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.stages import OUTPUT, SCANS, TEMPLATE_OUT
from rt1t2_dask.pipelines.transmit import field

TRANSMIT = Stage(
    name="transmit",
    make=field.make_field,
    scope="person",
    words="transmit map",
    settings=NoSettings,
    reads=(Role("ratio"), Role("normalise"), TEMPLATE_OUT),
    memory=Need(190, {SCANS: 1.5, OUTPUT: 4}),
    cpu=Effort((0.2, 0.8, 3.0), OUTPUT),
    writes={SCANS: 0.5, OUTPUT: 1},
    config=("transmit",),
)
SLOPE = Stage(
    name="transmit_slope",
    make=field.make_slope,
    scope="cohort",
    words="slope of the transmit field",
    settings=NoSettings,
    reads=(Role("transmit", many=True),),
    memory=Whole(0.5),
    cpu=Effort((0.1,)),
    writes={},
    config=("transmit",),
)
CORRECTED = Stage(
    name="transmit_corrected",
    make=field.make_corrected,
    scope="person",
    words="ratio corrected for B1+",
    settings=field.SlopeSettings,
    reads=(Role("ratio"), Role("transmit"), Role("slope", ("transmit_slope",), optional=True)),
    memory=Need(190, {SCANS: 1.5, OUTPUT: 4}),
    cpu=Effort((0.2, 0.5, 2.0), OUTPUT),
    writes={SCANS: 0.5, OUTPUT: 1.25},
    config=("transmit",),
)
STAGES = (TRANSMIT, SLOPE, CORRECTED)
