"""The stages of several sites: harmonisation, meta-analysis, and what is site in the maps.

CPU seconds were measured at 4 and 5 mm; finer grids stand in the proportions of `contrast`.
"""

from __future__ import annotations

from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.stages import OUTPUT
from rt1t2_dask.pipelines.sites import harmonise, meta

READS = (Role("sums", ("sums", "sums_total"), many=True),)
COMBAT = Stage(
    name="combat",
    make=harmonise.learn,
    scope="cohort",
    words="site effects, ComBat",
    settings=harmonise.SiteSettings,
    reads=READS,
    memory=Whole(1.5),
    cpu=Effort((0.4, 1.0, 6.0), OUTPUT),
    writes={OUTPUT: 16},
    follows=("gain",),
)
HARMONISED = Stage(
    name="harmonised",
    make=harmonise.apply,
    scope="person",
    words="maps without site effects",
    settings=harmonise.PlaceSettings,
    reads=(Role("smooth"), Role("combat")),
    memory=Whole(1.0),
    cpu=Effort((0.05, 0.3, 1.8), OUTPUT),
    writes={OUTPUT: 1},
)
META = Stage(
    name="meta",
    make=meta.make,
    scope="cohort",
    words="meta-analysis of sites",
    settings=meta.MetaSettings,
    reads=(Role("contrast", many=True),),
    memory=Whole(1.5),
    cpu=Effort((0.4, 1.0, 6.0), OUTPUT),
    writes={OUTPUT: 11},
)
SITE_EFFECTS = Stage(
    name="site_effects",
    make=harmonise.effects,
    scope="cohort",
    words="what is site in the maps",
    settings=harmonise.SiteSettings,
    reads=READS,
    memory=Whole(1.0),
    cpu=Effort((0.2, 0.6, 3.5), OUTPUT),
    writes={OUTPUT: 2},
    follows=("gain",),
)
STAGES = (COMBAT, HARMONISED, META, SITE_EFFECTS)
