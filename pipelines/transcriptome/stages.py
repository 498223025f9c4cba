"""The stages of gene expression: the table, and maps tested against it."""

from __future__ import annotations

from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.settings import NoSettings
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.morphometry.stages import MAPS
from rt1t2_dask.pipelines.transcriptome import compute

EXPRESSION_STAGE = Stage(
    name="expression",
    make=compute.make_expression,
    scope="shared",
    words="expression of genes",
    settings=NoSettings,
    reads=(),
    memory=Whole(0.5),
    cpu=Effort((0.9,)),
    writes={},
)
TRANSCRIPTOME = Stage(
    name="transcriptome",
    make=compute.make_transcriptome,
    scope="cohort",
    words="maps against genes",
    settings=compute.TranscriptomeSettings,
    reads=(MAPS, Role("expression", shared=True)),
    memory=Whole(1.0),
    cpu=Effort((12.0,)),
    writes={},
)
STAGES = (EXPRESSION_STAGE, TRANSCRIPTOME)
