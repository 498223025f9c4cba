"""The stages of the receptor analyses: maps, correlations."""

from __future__ import annotations

from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.receptors import correlations, moran, score_correlations

PET_STAGE = Stage(
    name="pet",
    make=correlations.make_pet,
    scope="shared",
    words="receptor maps",
    settings=correlations.PetSettings,
    reads=(),
    memory=Whole(0.5),
    cpu=Effort((0.7,)),
    writes={},
    assets=(ATLAS,),
)
RECEPTORS = Stage(
    name="receptors",
    make=correlations.make_receptors,
    scope="cohort",
    words="receptor correlations",
    settings=correlations.ReceptorSettings,
    reads=(
        Role("row", ("parcels", "atlas_parcels"), many=True),
        Role("pet", shared=True),
    ),
    memory=Whole(0.6),
    cpu=Effort((5.0,)),
    writes={},
    config=("receptors",),
    follows=("gain",),
)
RECEPTOR_SCORES = Stage(
    name="receptor_scores",
    make=score_correlations.make,
    scope="cohort",
    words="receptors and scores",
    settings=score_correlations.ScoreSettings,
    reads=(Role("receptors"),),
    memory=Whole(0.5),
    cpu=Effort((0.3,)),
    writes={},
    config=("receptors",),
)
AUTOCORRELATION = Stage(
    name="autocorrelation",
    make=moran.make,
    scope="cohort",
    words="spatial autocorrelation",
    settings=moran.MoranSettings,
    reads=RECEPTORS.reads,
    memory=Whole(0.5),
    cpu=Effort((0.4,)),
    writes={},
    config=("receptors",),
    follows=("gain",),
)
STAGES = (PET_STAGE, RECEPTORS, RECEPTOR_SCORES, AUTOCORRELATION)
