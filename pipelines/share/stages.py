"""The stages of sums: those that a site hands on, and a contrast of all sites' sums.

CPU seconds were measured at 5 mm (`benchmarks/sites.py`); finer grids stand in the proportions of
`contrast`.
"""

from __future__ import annotations

from rt1t2_dask.pipelines.engine.resources import Effort, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.stages import OUTPUT, TEMPLATE_OUT
from rt1t2_dask.pipelines.share import pooled, sums

SHARE = Stage(
    name="share",
    make=sums.make,
    scope="cohort",
    words="sums of a site",
    settings=sums.ShareSettings,
    reads=(
        Role("row", ("smooth",), many=True),
        Role("parcels", many=True),
        TEMPLATE_OUT,
    ),
    memory=Whole(2.0),
    cpu=Effort((0.3, 0.8, 4.5), OUTPUT),
    writes={OUTPUT: 12},
    follows=("gain",),
)
POOLED = Stage(
    name="pooled",
    make=pooled.make,
    scope="cohort",
    words="contrast of sums",
    settings=pooled.PooledSettings,
    reads=(),
    memory=Whole(2.0),
    cpu=Effort((0.2, 0.5, 3.0), OUTPUT),
    writes={OUTPUT: 10},
    assets=(ATLAS,),
)
STAGES = (SHARE, POOLED)
