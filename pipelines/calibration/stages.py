"""The stage that finds protocols and gains."""

from __future__ import annotations

from rt1t2_dask.pipelines.calibration import gain
from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage

GAIN = Stage(
    name="gain",
    make=gain.make,
    scope="cohort",
    words="protocols and gains",
    settings=gain.GainSettings,
    reads=(Role("row", ("landmarks",), many=True),),
    memory=Whole(0.5),
    cpu=Effort((0.1,)),
    writes={},
)
STAGES = (GAIN,)
